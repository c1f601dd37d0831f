package main

import (
	"strings"
	"testing"
)

func TestConfigurationIsRead(t *testing.T) {
	text := `{"limit":5,"windowSeconds":60,"header":"X-Api-Key","name":"api","failureModeDeny":true}`
	parsed, err := parseConfig([]byte(text))
	if want := (config{5, 60, "x-api-key", "api", true}); err != nil || parsed != want {
		t.Fatalf("%+v, %v", parsed, err)
	}
}

func TestBadConfigurationIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		``:                                    "there is none",
		`{`:                                   "unexpected EOF",
		`[]`:                                  "cannot unmarshal array",
		`{}`:                                  "limit is not from 1 to 1000000000",
		`{"limit":-1}`:                        "cannot unmarshal number -1",
		`{"limit":1.5}`:                       "cannot unmarshal number 1.5",
		`{"limit":1}`:                         "windowSeconds is not from 1 to 2678400",
		`{"limit":1,"windowSeconds":2678401}`: "windowSeconds is not from 1 to 2678400",
		`{"limit":1,"windowSeconds":1,"header":"a b"}`: `header "a b" is not the name`,
		`{"limit":1,"windowSeconds":1,"header":":a"}`:  `header ":a" is not the name`,
		`{"limit":1,"windowSeconds":1,"burst":1}`:      `unknown field "burst"`,
		`{"limit":1,"windowSeconds":1} more`:           "text after",
	} {
		if _, err := parseConfig([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

func TestNetworkIsTheAddressWithoutItsPort(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1:80":              "127.0.0.1",
		"[::ffff:10.0.0.1]:80":      "10.0.0.1",
		"[2001:db8:1:2:3:4:5:6]:80": "2001:db8:1:2::/64",
		"[fe80::1%eth0]:80":         "fe80::/64",
		"a socket":                  "a socket",
	} {
		if got := network(address); got != want {
			t.Errorf("%s: got %s, want %s", address, got, want)
		}
	}
}
