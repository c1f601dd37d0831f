package main

import (
	"reflect"
	"testing"
)

func TestBodiesWithTheRequiredKeysPass(t *testing.T) {
	c := config{RequiredKeys: []string{"id", "item"}}
	for _, body := range []string{`{"id":1,"item":"x"}`, ` {"item":null,"id":{},"more":[]} `} {
		if problem := c.validate([]byte(body)); problem != nil {
			t.Errorf("%s: %+v", body, problem)
		}
	}
}

func TestMissingKeysAreListed(t *testing.T) {
	c := config{RequiredKeys: []string{"id", "item", "quantity"}}
	for body, want := range map[string][]string{
		`{}`:                       {"id", "item", "quantity"},
		`{"item":1}`:               {"id", "quantity"},
		`{"ID":1,"item":1}`:        {"id", "quantity"},
		`{"x":{"id":1,"item":1}}`:  {"id", "item", "quantity"},
		`{"id":1,"__proto__":{}}`:  {"item", "quantity"},
		`{"id":1,"quantity":true}`: {"item"},
	} {
		if problem := c.validate([]byte(body)); problem == nil || !reflect.DeepEqual(problem.Missing, want) {
			t.Errorf("%s: got %+v, want %v", body, problem, want)
		}
	}
}

func TestBodiesThatAreNoObjectAreRefused(t *testing.T) {
	c := config{RequiredKeys: []string{"id"}}
	for _, body := range []string{`[]`, `"id"`, `1`, `null`} {
		if problem := c.validate([]byte(body)); problem == nil || problem.Error != "the body is not a JSON object" {
			t.Errorf("%s: %+v", body, problem)
		}
	}
}

func TestInvalidJSONIsRefusedWhateverTheKeys(t *testing.T) {
	for _, c := range []config{{}, {RequiredKeys: []string{"id"}}} {
		for _, body := range []string{``, ` `, `{`, `{"id":1}{}`, `{'id':1}`, "{\"id\":\"\xff\"}", "\ufeff{}", "\x1f\x8b"} {
			if problem := c.validate([]byte(body)); problem == nil || problem.Error != "the body is not valid JSON" {
				t.Errorf("%q: %+v", body, problem)
			}
		}
	}
}

func TestAnyJSONPassesWithoutRequiredKeys(t *testing.T) {
	c := config{}
	for _, body := range []string{`[]`, `1`, `null`, `{}`} {
		if problem := c.validate([]byte(body)); problem != nil {
			t.Errorf("%s: %+v", body, problem)
		}
	}
}
