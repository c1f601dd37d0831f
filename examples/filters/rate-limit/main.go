// The rate-limit filter lets each client make so many requests in a window of time.
package main

import (
	"errors"
	"strconv"
	"time"

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
	config  config
	limiter limiter
	// Whether the last request could not be counted: the log tells only of changes.
	failing bool
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
	p.limiter = newLimiter(sharedData{}, &p.config)
	return types.OnPluginStartStatusOK
}

func (p *plugin) NewHttpContext(contextID uint32) types.HttpContext {
	return &stream{plugin: p}
}

// count takes one of the client's requests, and logs when that begins to fail and when it is over.
func (p *plugin) count() (verdict, error) {
	verdict, err := p.limiter.take(clientKey(p.config.Header), time.Now())
	if failing := err != nil; failing != p.failing {
		p.failing = failing
		if failing {
			proxywasm.LogErrorf("requests cannot be counted: %v", err)
		} else {
			proxywasm.LogInfo("requests are counted again")
		}
	}
	return verdict, err
}

type stream struct {
	types.DefaultHttpContext
	plugin *plugin
	// What the client is told about its limit; none where its request could not be counted.
	headers [][2]string
}

func (s *stream) OnHttpRequestHeaders(numHeaders int, endOfStream bool) types.Action {
	verdict, err := s.plugin.count()
	if err != nil {
		if s.plugin.config.FailureModeDeny {
			return answer(503, nil, "503 Service Unavailable\n")
		}
		return types.ActionContinue
	}
	reset := strconv.FormatUint(verdict.resetSeconds, 10)
	s.headers = [][2]string{
		{"x-ratelimit-limit", strconv.FormatUint(uint64(s.plugin.config.Limit), 10)},
		{"x-ratelimit-remaining", strconv.FormatUint(uint64(verdict.remaining), 10)},
		{"x-ratelimit-reset", reset},
	}
	if verdict.passes {
		return types.ActionContinue
	}
	headers := append([][2]string{{"retry-after", reset}}, s.headers...)
	return answer(429, headers, "429 Too Many Requests\n")
}

// OnHttpResponseHeaders tells the client its limit. A host may show a filter its own answer too,
// which has the headers already: so they replace what is there.
func (s *stream) OnHttpResponseHeaders(numHeaders int, endOfStream bool) types.Action {
	for _, header := range s.headers {
		if err := proxywasm.ReplaceHttpResponseHeader(header[0], header[1]); err != nil {
			proxywasm.LogErrorf("cannot set %s: %v", header[0], err)
		}
	}
	return types.ActionContinue
}

func answer(status uint32, headers [][2]string, body string) types.Action {
	headers = append(headers, [2]string{"content-type", "text/plain; charset=utf-8"})
	if err := proxywasm.SendHttpResponse(status, headers, []byte(body), -1); err != nil {
		proxywasm.LogErrorf("cannot send the local response: %v", err)
	}
	return types.ActionPause
}
