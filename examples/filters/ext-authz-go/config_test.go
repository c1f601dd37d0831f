package main

import (
	"reflect"
	"strings"
	"testing"
)

func TestConfigurationHasDefaults(t *testing.T) {
	parsed, err := parseConfig([]byte(`{"upstream":"authz"}`))
	want := config{"authz", []string{"authorization", "cookie"}, 1000}
	if err != nil || !reflect.DeepEqual(parsed, want) {
		t.Fatalf("%+v, %v", parsed, err)
	}
}

func TestBadConfigurationIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		``:                                    "there is none",
		`{`:                                   "unexpected EOF",
		`{}`:                                  "upstream is missing",
		`{"upstream":"a","timeoutMs":0}`:      "timeoutMs is not from 1 to 2147483647",
		`{"upstream":"a","headers":["Host"]}`: `"host" can not be sent`,
		`{"upstream":"a","headers":["a b"]}`:  `"a b" can not be sent`,
		`{"upstream":"a","cluster":"b"}`:      `unknown field "cluster"`,
		`{"upstream":"a"} more`:               "text after",
	} {
		if _, err := parseConfig([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

func TestQuestionHasTheHeadAndTheConfiguredHeaders(t *testing.T) {
	c := config{Headers: []string{"cookie"}}
	question := c.question([][2]string{
		{"cookie", "a=1"}, {":method", "PUT"}, {"x", "2"}, {":path", "/a?b"}, {":scheme", "http"},
		{":authority", "app.test"}, {"cookie", "b=2"},
	})
	want := [][2]string{
		{":method", "PUT"}, {":path", "/a?b"}, {":authority", "app.test"},
		{"cookie", "a=1"}, {"cookie", "b=2"},
	}
	if !reflect.DeepEqual(question, want) {
		t.Error(question)
	}
}

func TestAnswersAreRead(t *testing.T) {
	headers := [][2]string{{"x-auth-user", "ann"}, {"location", "/login"}, {"server", "s"}}
	for status, want := range map[string]answer{
		"204": {true, 204, headers[:1]},
		"302": {false, 302, headers[1:2]},
		"101": {false, 503, headers[1:2]},
		"x":   {false, 503, headers[1:2]},
	} {
		got := readAnswer(append([][2]string{{":status", status}}, headers...))
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", status, got, want)
		}
	}
	if got := readAnswer(nil); got.allowed || got.status != 503 {
		t.Errorf("no headers: %+v", got)
	}
}
