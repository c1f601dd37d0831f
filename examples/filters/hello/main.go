// The hello filter logs what passes by and changes nothing.
package main

import (
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"
)

// A c-shared module is a library: its host runs the init functions and then calls the exports.
func main() {}

func init() {
	proxywasm.SetHttpContext(func(contextID uint32) types.HttpContext {
		proxywasm.LogInfo("NewHttpContext")
		return &stream{}
	})
}

type stream struct {
	types.DefaultHttpContext
}

func (s *stream) OnHttpRequestHeaders(numHeaders int, endOfStream bool) types.Action {
	headers, err := proxywasm.GetHttpRequestHeaders()
	if err != nil {
		proxywasm.LogErrorf("cannot read the request headers: %v", err)
		return types.ActionContinue
	}
	for _, header := range headers {
		proxywasm.LogInfof("request header: %s: %s", header[0], header[1])
	}
	return types.ActionContinue
}

func (s *stream) OnHttpRequestBody(bodySize int, endOfStream bool) types.Action {
	proxywasm.LogInfof("request body: %d bytes, end of stream: %t", bodySize, endOfStream)
	return types.ActionContinue
}

func (s *stream) OnHttpResponseBody(bodySize int, endOfStream bool) types.Action {
	proxywasm.LogInfof("response body: %d bytes, end of stream: %t", bodySize, endOfStream)
	return types.ActionContinue
}
