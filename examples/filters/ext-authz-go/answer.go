package main

import (
	"slices"
	"strconv"
	"strings"
)

// passedOn are headers of a refusal that tell the client what to do.
var passedOn = []string{"content-type", "location", "retry-after", "set-cookie", "www-authenticate"}

// answer is what the service has said.
type answer struct {
	allowed bool
	status  uint32
	// Allowed: what the app is told about the user. Else: what the client is told.
	headers [][2]string
}

// readAnswer understands whatever is no success as a refusal; without a status nobody knows, which
// is 503.
func readAnswer(headers [][2]string) answer {
	read := answer{status: statusOf(headers)}
	read.allowed = read.status >= 200 && read.status <= 299
	for _, header := range headers {
		if read.allowed && strings.HasPrefix(header[0], toldPrefix) ||
			!read.allowed && slices.Contains(passedOn, header[0]) {
			read.headers = append(read.headers, header)
		}
	}
	return read
}

func statusOf(headers [][2]string) uint32 {
	for _, header := range headers {
		if header[0] == ":status" {
			if status, err := strconv.Atoi(header[1]); err == nil && status >= 200 && status <= 999 {
				return uint32(status)
			}
		}
	}
	return 503
}
