package main

import (
	"encoding/json"
	"unicode/utf8"
)

// problem is what the client is told, as JSON.
type problem struct {
	Error   string   `json:"error"`
	Missing []string `json:"missing,omitempty"`
}

// validate tells what is wrong with a body, or nil.
func (c *config) validate(body []byte) *problem {
	// RFC 8259 wants UTF-8; encoding/json would let other bytes pass.
	if !utf8.Valid(body) || !json.Valid(body) {
		return &problem{Error: "the body is not valid JSON"}
	}
	if len(c.RequiredKeys) == 0 {
		return nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil || object == nil {
		return &problem{Error: "the body is not a JSON object"}
	}
	if missing := c.missingFrom(object); len(missing) > 0 {
		return &problem{Error: "the body lacks required keys", Missing: missing}
	}
	return nil
}

func (c *config) missingFrom(object map[string]json.RawMessage) []string {
	var missing []string
	for _, key := range c.RequiredKeys {
		if _, found := object[key]; !found {
			missing = append(missing, key)
		}
	}
	return missing
}
