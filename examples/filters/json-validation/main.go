// The json-validation filter lets only valid JSON with the required keys reach the app.
package main

import (
	"encoding/json"
	"errors"
	"math"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"
)

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
	// Whether the body is held until it has been validated.
	holding bool
}

// OnHttpRequestHeaders lets the headers go on: a host gives no body to a filter that holds them.
func (s *stream) OnHttpRequestHeaders(numHeaders int, endOfStream bool) types.Action {
	path, err := proxywasm.GetHttpRequestHeader(":path")
	s.holding = !endOfStream && (err != nil || s.config.covers(path))
	return types.ActionContinue
}

func (s *stream) OnHttpRequestBody(bodySize int, endOfStream bool) types.Action {
	if !s.holding {
		return types.ActionContinue
	}
	if !endOfStream {
		return types.ActionPause
	}
	return s.release()
}

// OnHttpRequestTrailers is where a body with trailers ends: none of its pieces is the last.
func (s *stream) OnHttpRequestTrailers(numTrailers int) types.Action {
	if !s.holding {
		return types.ActionContinue
	}
	return s.release()
}

// release lets the held body go on if it is as configured, and else answers for the app.
func (s *stream) release() types.Action {
	s.holding = false
	// The whole body, as every piece before has been held.
	body, err := proxywasm.GetHttpRequestBody(0, math.MaxInt32)
	if errors.Is(err, types.ErrorStatusNotFound) {
		return types.ActionContinue // The body turned out to be empty.
	}
	if err != nil {
		proxywasm.LogErrorf("cannot read the request body: %v", err)
		return refuse(&problem{Error: "the body cannot be read"})
	}
	if problem := s.config.validate(body); problem != nil {
		return refuse(problem)
	}
	return types.ActionContinue
}

func refuse(problem *problem) types.Action {
	body, err := json.Marshal(problem)
	if err != nil {
		panic(err) // Two fields of plain text always marshal.
	}
	headers := [][2]string{{"content-type", "application/json"}}
	if err := proxywasm.SendHttpResponse(403, headers, body, -1); err != nil {
		proxywasm.LogErrorf("cannot send the local response: %v", err)
	}
	return types.ActionPause
}
