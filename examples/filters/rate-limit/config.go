package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	maxLimit         = 1_000_000_000
	maxWindowSeconds = 31 * 24 * 60 * 60
)

// config is the plugin's configuration.
type config struct {
	// Requests of each client in a window.
	Limit uint32 `json:"limit"`
	// Length of a window.
	WindowSeconds uint32 `json:"windowSeconds"`
	// The request header that tells clients apart; empty: the client's address does.
	Header string `json:"header"`
	// Plugins of one vm id with the same name and window count together.
	Name string `json:"name"`
	// Whether a request that cannot be counted is refused.
	FailureModeDeny bool `json:"failureModeDeny"`
}

func parseConfig(text []byte) (config, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return config{}, errors.New(`there is none; give at least {"limit": …, "windowSeconds": …}`)
	}
	var parsed config
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&parsed); err != nil {
		return config{}, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return config{}, errors.New("there is text after the JSON object")
	}
	parsed.Header = strings.ToLower(parsed.Header)
	return parsed, parsed.check()
}

func (c *config) check() error {
	if c.Limit < 1 || c.Limit > maxLimit {
		return fmt.Errorf("limit is not from 1 to %d", maxLimit)
	}
	if c.WindowSeconds < 1 || c.WindowSeconds > maxWindowSeconds {
		return fmt.Errorf("windowSeconds is not from 1 to %d", maxWindowSeconds)
	}
	for _, char := range c.Header {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-_.", char) {
			return fmt.Errorf("header %q is not the name of a header", c.Header)
		}
	}
	return nil
}
