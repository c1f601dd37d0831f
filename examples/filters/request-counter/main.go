// The request-counter filter counts requests, and those with certain values of a header.
package main

import (
	"errors"

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
	header string
	all    proxywasm.MetricCounter
	// By the header's value; those that are not configured have one together.
	byValue map[string]proxywasm.MetricCounter
	other   proxywasm.MetricCounter
}

func (p *plugin) OnPluginStart(size int) types.OnPluginStartStatus {
	text, err := proxywasm.GetPluginConfiguration()
	// The SDK tells an empty configuration as one that is not found.
	if err != nil && !errors.Is(err, types.ErrorStatusNotFound) {
		proxywasm.LogErrorf("cannot read the configuration: %v", err)
		return types.OnPluginStartStatusFailed
	}
	config, err := parseConfig(text)
	if err != nil {
		proxywasm.LogErrorf("bad configuration: %v", err)
		return types.OnPluginStartStatusFailed
	}
	p.define(&config)
	return types.OnPluginStartStatusOK
}

// define makes the counters, so that they are there, with 0, before the first request.
func (p *plugin) define(c *config) {
	p.all = proxywasm.DefineCounterMetric("proxy_wasm_go.request_counter")
	p.header = c.Header
	if p.header == "" {
		return
	}
	p.byValue = make(map[string]proxywasm.MetricCounter, len(c.Values))
	for _, value := range c.Values {
		p.byValue[value] = proxywasm.DefineCounterMetric(c.counterName(value))
	}
	p.other = proxywasm.DefineCounterMetric(c.counterName(otherValue))
}

func (p *plugin) NewHttpContext(contextID uint32) types.HttpContext {
	return &stream{plugin: p}
}

type stream struct {
	types.DefaultHttpContext
	plugin *plugin
}

func (s *stream) OnHttpRequestHeaders(numHeaders int, endOfStream bool) types.Action {
	s.plugin.all.Increment(1)
	if s.plugin.header != "" {
		s.plugin.countByHeader()
	}
	return types.ActionContinue
}

func (p *plugin) countByHeader() {
	value, err := proxywasm.GetHttpRequestHeader(p.header)
	if err != nil {
		return // The request has no such header.
	}
	if counter, found := p.byValue[value]; found {
		counter.Increment(1)
	} else {
		p.other.Increment(1)
	}
}
