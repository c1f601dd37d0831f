package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"strings"
)

// config is the plugin's configuration. The zero value asks for valid JSON on every path.
type config struct {
	RequiredKeys []string `json:"requiredKeys"`
	PathPrefix   string   `json:"pathPrefix"`
}

func parseConfig(text []byte) (config, error) {
	var parsed config
	if len(bytes.TrimSpace(text)) == 0 {
		return parsed, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&parsed); err != nil {
		return config{}, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return config{}, errors.New("there is text after the JSON object")
	}
	return parsed, parsed.check()
}

func (c *config) check() error {
	for _, key := range c.RequiredKeys {
		if key == "" {
			return errors.New("requiredKeys has an empty key")
		}
	}
	if c.PathPrefix != "" && !strings.HasPrefix(c.PathPrefix, "/") {
		return fmt.Errorf("pathPrefix %q does not start with a slash", c.PathPrefix)
	}
	return nil
}

// covers tells whether a request target is the path prefix or below it. It counts both as the
// client wrote it and as a file system would read it, because an app may take it either way; one
// that may name a host (http://host/path, //host/path) always counts.
func (c *config) covers(target string) bool {
	if c.PathPrefix == "" || !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "//") {
		return true
	}
	written, _, _ := strings.Cut(target, "?")
	decoded, err := url.PathUnescape(written)
	if err != nil {
		decoded = written
	}
	return c.isPrefixOf(written) || c.isPrefixOf(path.Clean("/"+decoded))
}

// isPrefixOf compares whole segments and no case, as Express does.
func (c *config) isPrefixOf(written string) bool {
	prefix := strings.ToLower(strings.TrimRight(c.PathPrefix, "/"))
	rest, found := strings.CutPrefix(strings.ToLower(written), prefix)
	return found && (rest == "" || rest[0] == '/')
}
