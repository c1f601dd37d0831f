// The tcp-command-guard filter stands in front of a server whose clients send commands as lines of
// text. It lets whole lines through, closes a connection that sends a command which is not allowed,
// and counts what passes.
package main

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"
)

const defaultMaxLineBytes = 4096

// A c-shared module is a library: its host runs the init functions and then calls the exports.
func main() {}

func init() {
	proxywasm.SetPluginContext(func(contextID uint32) types.PluginContext {
		return &plugin{}
	})
}

type configuration struct {
	// First words of lines that end the connection; upper or lower case is the same.
	Deny []string `json:"deny"`
	// Longest line, its end not counted. Default 4096.
	MaxLineBytes int `json:"maxLineBytes"`
}

type plugin struct {
	types.DefaultPluginContext
	deny         map[string]bool
	maxLineBytes int
	connections  proxywasm.MetricGauge
	denied       proxywasm.MetricCounter
	received     proxywasm.MetricCounter
	sent         proxywasm.MetricCounter
}

func (p *plugin) OnPluginStart(size int) types.OnPluginStartStatus {
	text, err := proxywasm.GetPluginConfiguration()
	if err != nil && err != types.ErrorStatusNotFound {
		proxywasm.LogCriticalf("cannot read the configuration: %v", err)
		return types.OnPluginStartStatusFailed
	}
	config := configuration{MaxLineBytes: defaultMaxLineBytes}
	if len(text) > 0 {
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&config); err != nil {
			proxywasm.LogErrorf("the configuration is not what it should be: %v", err)
			return types.OnPluginStartStatusFailed
		}
	}
	if config.MaxLineBytes < 1 {
		proxywasm.LogError("maxLineBytes must be 1 or more")
		return types.OnPluginStartStatusFailed
	}
	p.maxLineBytes = config.MaxLineBytes
	p.deny = make(map[string]bool, len(config.Deny))
	for _, command := range config.Deny {
		p.deny[strings.ToUpper(command)] = true
	}
	p.connections = proxywasm.DefineGaugeMetric("tcp_command_guard_connections")
	p.denied = proxywasm.DefineCounterMetric("tcp_command_guard_denied")
	p.received = proxywasm.DefineCounterMetric("tcp_command_guard_received_bytes")
	p.sent = proxywasm.DefineCounterMetric("tcp_command_guard_sent_bytes")
	return types.OnPluginStartStatusOK
}

func (p *plugin) NewTcpContext(contextID uint32) types.TcpContext {
	return &connection{plugin: p}
}

type connection struct {
	types.DefaultTcpContext
	plugin *plugin
	peer   string
	// Bytes of the held buffer that have been counted.
	counted int
}

func (c *connection) OnNewConnection() types.Action {
	c.plugin.connections.Add(1)
	if address, err := proxywasm.GetProperty([]string{"source", "address"}); err == nil {
		c.peer = string(address)
	}
	return types.ActionContinue
}

// The buffer has everything that was held, and what has come since.
func (c *connection) OnDownstreamData(size int, endOfStream bool) types.Action {
	if size > c.counted {
		c.plugin.received.Increment(uint64(size - c.counted))
	}
	c.counted = size
	if size > 0 {
		data, err := proxywasm.GetDownstreamData(0, size)
		if err != nil {
			// Bytes that were not looked at must not pass.
			return c.refuse("it cannot be read: %v", err)
		}
		if reason := c.check(data, endOfStream); reason != "" {
			return c.refuse("%s", reason)
		}
		if !endOfStream && data[len(data)-1] != '\n' {
			return types.ActionPause
		}
	}
	c.counted = 0
	return types.ActionContinue
}

// Why these bytes must not pass; empty if they may, or if more has to come first.
func (c *connection) check(data []byte, endOfStream bool) string {
	for len(data) > 0 {
		line, rest, isWhole := bytes.Cut(data, []byte{'\n'})
		line = bytes.TrimSuffix(line, []byte{'\r'})
		if len(line) > c.plugin.maxLineBytes {
			return "a line is too long"
		}
		if isWhole || endOfStream {
			if command := firstWord(line); c.plugin.deny[command] {
				return command + " is not allowed"
			}
		}
		data = rest
	}
	return ""
}

func firstWord(line []byte) string {
	words := bytes.Fields(line)
	if len(words) == 0 {
		return ""
	}
	return strings.ToUpper(string(words[0]))
}

func (c *connection) refuse(format string, values ...interface{}) types.Action {
	proxywasm.LogWarnf(c.peer+": "+format, values...)
	c.plugin.denied.Increment(1)
	if err := proxywasm.CloseDownstream(); err != nil {
		proxywasm.LogErrorf("cannot close the connection: %v", err)
	}
	return types.ActionPause
}

func (c *connection) OnUpstreamData(size int, endOfStream bool) types.Action {
	if size > 0 {
		c.plugin.sent.Increment(uint64(size))
	}
	return types.ActionContinue
}

func (c *connection) OnStreamDone() {
	c.plugin.connections.Add(-1)
}
