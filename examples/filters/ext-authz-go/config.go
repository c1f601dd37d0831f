package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// neverSent are headers that the host makes, or that are about one connection.
var neverSent = []string{
	"connection", "content-length", "expect", "host", "te", "transfer-encoding", "upgrade",
}

// config is the plugin's configuration.
type config struct {
	Upstream string `json:"upstream"`
	// Request headers that the service is told.
	Headers   []string `json:"headers"`
	TimeoutMs uint32   `json:"timeoutMs"`
}

func parseConfig(text []byte) (config, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return config{}, errors.New(`there is none; give at least {"upstream": …}`)
	}
	parsed := config{Headers: []string{"authorization", "cookie"}, TimeoutMs: 1000}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&parsed); err != nil {
		return config{}, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return config{}, errors.New("there is text after the JSON object")
	}
	for index, name := range parsed.Headers {
		parsed.Headers[index] = strings.ToLower(name)
	}
	return parsed, parsed.check()
}

func (c *config) check() error {
	if c.Upstream == "" {
		return errors.New("upstream is missing")
	}
	if c.TimeoutMs < 1 || c.TimeoutMs > math.MaxInt32 {
		return fmt.Errorf("timeoutMs is not from 1 to %d", math.MaxInt32)
	}
	for _, name := range c.Headers {
		if name == "" || strings.ContainsAny(name, ": \t\r\n") || slices.Contains(neverSent, name) {
			return fmt.Errorf("headers: %q can not be sent to the service", name)
		}
	}
	return nil
}

// question is the call's headers: those of the request that say what it asks for, and those that
// are configured.
func (c *config) question(request [][2]string) [][2]string {
	var head, others [][2]string
	for _, header := range request {
		switch header[0] {
		case ":method", ":path", ":authority":
			head = append(head, header)
		default:
			if slices.Contains(c.Headers, header[0]) {
				others = append(others, header)
			}
		}
	}
	return append(head, others...)
}
