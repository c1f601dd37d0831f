package main

import (
	"strings"
	"testing"
)

func TestConfigurationIsRead(t *testing.T) {
	parsed, err := parseConfig([]byte(`{"header":"X-Tenant","values":["a","b-1.c"]}`))
	if err != nil || parsed.Header != "x-tenant" || len(parsed.Values) != 2 {
		t.Fatalf("%+v, %v", parsed, err)
	}
	if name := parsed.counterName("a"); name != "value=.=a;.;reporter=.=wasmgosdk;.;custom_header_value_counts" {
		t.Error(name)
	}
	if parsed, err := parseConfig(nil); err != nil || parsed.Header != "" {
		t.Fatalf("an empty configuration: %+v, %v", parsed, err)
	}
}

func TestLabelsMayHaveEnvoysForm(t *testing.T) {
	parsed, err := parseConfig([]byte(`{"header":"x","values":["a"],"labels":"envoy"}`))
	if err != nil {
		t.Fatal(err)
	}
	if name := parsed.counterName("a"); name != "custom_header_value_counts_value=a_reporter=wasmgosdk" {
		t.Error(name)
	}
}

func TestBadConfigurationIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		`{`:                                 "unexpected EOF",
		`[]`:                                "cannot unmarshal array",
		`{"values":["a"]}`:                  "no header",
		`{"header":"x"}`:                    "no values",
		`{"header":"a b","values":["a"]}`:   `header "a b" is not the name`,
		`{"header":"x","values":["a_b"]}`:   `"a_b" cannot be a label`,
		`{"header":"x","values":["other"]}`: `"other" cannot be a label`,
		`{"header":"x","values":["a","a"]}`: `"a" is there twice`,
		`{"header":"x","values":["a"],"labels":"any"}`: `labels is "any"`,
		`{"name":"x"}`: `unknown field "name"`,
		`{} more`:      "text after",
	} {
		if _, err := parseConfig([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}
