package main

import (
	"strings"
	"testing"
)

func TestConfigurationIsRead(t *testing.T) {
	parsed, err := parseConfig([]byte(`{"requiredKeys":["id","item"],"pathPrefix":"/orders"}`))
	if err != nil || len(parsed.RequiredKeys) != 2 || parsed.PathPrefix != "/orders" {
		t.Fatalf("%+v, %v", parsed, err)
	}
	if _, err := parseConfig(nil); err != nil {
		t.Fatalf("an empty configuration: %v", err)
	}
}

func TestBadConfigurationIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		`{`:                        "unexpected EOF",
		`[]`:                       "cannot unmarshal array",
		`{"requiredKeys":"id"}`:    "requiredKeys",
		`{"requiredKeys":[""]}`:    "empty key",
		`{"required":["id"]}`:      `unknown field "required"`,
		`{"pathPrefix":"orders"}`:  "does not start with a slash",
		`{"requiredKeys":[]} more`: "text after",
	} {
		if _, err := parseConfig([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

func TestPathPrefixCoversWholeSegments(t *testing.T) {
	c := config{PathPrefix: "/orders"}
	for _, target := range []string{
		"/orders", "/orders/", "/orders/1", "/orders?x", "/ORDERS", "/%6Frders", "/x/../orders",
		"/orders/../x", "/./orders", "/x//../../orders", "http://host/orders", "//host/orders",
	} {
		if !c.covers(target) {
			t.Errorf("%s is not covered", target)
		}
	}
	for _, target := range []string{"/", "/orders2", "/x/orders", "/x?/orders", "/%zz"} {
		if c.covers(target) {
			t.Errorf("%s is covered", target)
		}
	}
}

func TestNoPathPrefixCoversEverything(t *testing.T) {
	for _, prefix := range []string{"", "/"} {
		c := config{PathPrefix: prefix}
		for _, target := range []string{"/", "/x", "/x/y?z"} {
			if !c.covers(target) {
				t.Errorf("%q does not cover %s", prefix, target)
			}
		}
	}
}
