// The configurations filter logs the configuration of its VM and that of its plugin, and answers each
// request with both in headers.
package main

import (
	"errors"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"
)

// A c-shared module is a library: its host runs the init functions and then calls the exports.
func main() {}

func init() {
	proxywasm.SetVMContext(&vm{})
}

type vm struct {
	types.DefaultVMContext
	configuration string
}

// OnVMStart comes before any plugin of this VM is configured. False refuses to start.
func (v *vm) OnVMStart(size int) types.OnVMStartStatus {
	text, err := readable(proxywasm.GetVMConfiguration())
	if err != nil {
		proxywasm.LogErrorf("cannot read the VM's configuration: %v", err)
		return types.OnVMStartStatusFailed
	}
	v.configuration = text
	proxywasm.LogInfof("vm configuration: %s", text)
	return types.OnVMStartStatusOK
}

func (v *vm) NewPluginContext(contextID uint32) types.PluginContext {
	return &plugin{vm: v}
}

type plugin struct {
	types.DefaultPluginContext
	vm            *vm
	configuration string
}

// OnPluginStart comes once for each configured use of the module.
func (p *plugin) OnPluginStart(size int) types.OnPluginStartStatus {
	text, err := readable(proxywasm.GetPluginConfiguration())
	if err != nil {
		proxywasm.LogErrorf("cannot read the plugin's configuration: %v", err)
		return types.OnPluginStartStatusFailed
	}
	p.configuration = text
	proxywasm.LogInfof("plugin configuration: %s", text)
	return types.OnPluginStartStatusOK
}

// readable takes an empty configuration, which the SDK tells as one that is not found, as "".
func readable(bytes []byte, err error) (string, error) {
	if errors.Is(err, types.ErrorStatusNotFound) {
		return "", nil
	}
	return string(bytes), err
}

func (p *plugin) NewHttpContext(contextID uint32) types.HttpContext {
	return &stream{plugin: p}
}

type stream struct {
	types.DefaultHttpContext
	plugin *plugin
}

func (s *stream) OnHttpResponseHeaders(numHeaders int, endOfStream bool) types.Action {
	addHeader("x-vm-configuration", s.plugin.vm.configuration)
	addHeader("x-plugin-configuration", s.plugin.configuration)
	return types.ActionContinue
}

func addHeader(name, value string) {
	if err := proxywasm.AddHttpResponseHeader(name, value); err != nil {
		proxywasm.LogErrorf("cannot add the header %s: %v", name, err)
	}
}
