package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// otherValue is the label of values that are not configured.
const otherValue = "other"

var (
	headerName = regexp.MustCompile(`^[a-z0-9_.-]+$`)
	// What is safe in both forms of labels.
	labelValue = regexp.MustCompile(`^[A-Za-z0-9.-]+$`)
)

// config is the plugin's configuration. The zero value counts requests and nothing else.
type config struct {
	// A request header whose values are counted.
	Header string `json:"header"`
	// The values that have counters of their own: a client must not be able to make up counters.
	Values []string `json:"values"`
	// How labels are part of counters' names: "istio" or "envoy".
	Labels string `json:"labels"`
}

func parseConfig(text []byte) (config, error) {
	parsed := config{Labels: "istio"}
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
	parsed.Header = strings.ToLower(parsed.Header)
	return parsed, parsed.check()
}

func (c *config) check() error {
	switch {
	case c.Header == "" && len(c.Values) > 0:
		return errors.New("values are given, but no header")
	case c.Header != "" && len(c.Values) == 0:
		return errors.New("a header is given, but no values")
	case c.Header != "" && !headerName.MatchString(c.Header):
		return fmt.Errorf("header %q is not the name of a header", c.Header)
	case c.Labels != "istio" && c.Labels != "envoy":
		return fmt.Errorf(`labels is %q, not "istio" or "envoy"`, c.Labels)
	}
	for index, value := range c.Values {
		if !labelValue.MatchString(value) || value == otherValue {
			return fmt.Errorf("values: %q cannot be a label: use letters, digits, dots and dashes", value)
		}
		if slices.Contains(c.Values[:index], value) {
			return fmt.Errorf("values: %q is there twice", value)
		}
	}
	return nil
}

// counterName encodes the labels `value` and `reporter`.
//
// Envoy takes labels out of names by patterns in its configuration (stats_tags); Istio's proxies
// come with patterns for a form of their own.
func (c *config) counterName(value string) string {
	if c.Labels == "envoy" {
		return fmt.Sprintf("custom_header_value_counts_value=%s_reporter=wasmgosdk", value)
	}
	return fmt.Sprintf("value=.=%s;.;reporter=.=wasmgosdk;.;custom_header_value_counts", value)
}
