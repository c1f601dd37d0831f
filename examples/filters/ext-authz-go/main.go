// The ext-authz-go filter asks a service by HTTP whether a request may pass.
package main

import (
	"errors"
	"math"
	"strings"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"
)

// toldPrefix begins the names of headers in which the service tells the app about the user. A
// client's own are never passed on.
const toldPrefix = "x-auth-"

// A c-shared module is a library: its host runs the init functions and then calls the exports.
func main() {}

func init() {
	proxywasm.SetPluginContext(func(contextID uint32) types.PluginContext {
		return &plugin{}
	})
}

type plugin struct {
	types.DefaultPluginContext
	config config
}

func (p *plugin) OnPluginStart(size int) types.OnPluginStartStatus {
	text, err := proxywasm.GetPluginConfiguration()
	// The SDK tells an empty configuration as one that is not found.
	if err != nil && !errors.Is(err, types.ErrorStatusNotFound) {
		proxywasm.LogErrorf("cannot read the configuration: %v", err)
		return types.OnPluginStartStatusFailed
	}
	p.config, err = parseConfig(text)
	if err != nil {
		proxywasm.LogErrorf("bad configuration: %v", err)
		return types.OnPluginStartStatusFailed
	}
	return types.OnPluginStartStatusOK
}

func (p *plugin) NewHttpContext(contextID uint32) types.HttpContext {
	return &stream{config: &p.config}
}

type stream struct {
	types.DefaultHttpContext
	config *config
}

// OnHttpRequestHeaders asks, and holds the request until the answer is there.
func (s *stream) OnHttpRequestHeaders(numHeaders int, endOfStream bool) types.Action {
	request, err := proxywasm.GetHttpRequestHeaders()
	if err != nil {
		return s.fail("cannot read the request headers: %v", err)
	}
	for _, header := range request {
		if strings.HasPrefix(header[0], toldPrefix) {
			if err := proxywasm.RemoveHttpRequestHeader(header[0]); err != nil {
				return s.fail("cannot remove %s: %v", header[0], err)
			}
		}
	}
	c := s.config
	_, err = proxywasm.DispatchHttpCall(c.Upstream, c.question(request), nil, nil, c.TimeoutMs, s.onAnswer)
	if err != nil {
		return s.fail("cannot call %q: %v", c.Upstream, err)
	}
	return types.ActionPause
}

// onAnswer is not called once the stream has ended.
func (s *stream) onAnswer(numHeaders, bodySize, numTrailers int) {
	headers, err := proxywasm.GetHttpCallResponseHeaders()
	if err != nil {
		s.fail("no answer from %q: %v", s.config.Upstream, err)
		return
	}
	answer := readAnswer(headers)
	if !answer.allowed {
		s.refuse(answer.status, answer.headers, bodySize)
		return
	}
	for _, header := range answer.headers {
		if err := proxywasm.AddHttpRequestHeader(header[0], header[1]); err != nil {
			s.fail("cannot add %s: %v", header[0], err)
			return
		}
	}
	if err := proxywasm.ResumeHttpRequest(); err != nil {
		proxywasm.LogErrorf("cannot resume the request: %v", err)
	}
}

func (s *stream) refuse(status uint32, headers [][2]string, bodySize int) {
	body, err := proxywasm.GetHttpCallResponseBody(0, math.MaxInt32)
	if err != nil && bodySize > 0 {
		s.fail("cannot read the answer: %v", err)
		return
	}
	if err := proxywasm.SendHttpResponse(status, headers, body, -1); err != nil {
		proxywasm.LogErrorf("cannot send the local response: %v", err)
	}
}

// fail lets nobody pass, where the service could not be asked.
func (s *stream) fail(format string, args ...any) types.Action {
	proxywasm.LogErrorf(format, args...)
	headers := [][2]string{{"content-type", "text/plain; charset=utf-8"}}
	if err := proxywasm.SendHttpResponse(503, headers, []byte("503 Service Unavailable\n"), -1); err != nil {
		proxywasm.LogErrorf("cannot send the local response: %v", err)
	}
	return types.ActionPause
}
