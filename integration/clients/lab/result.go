package lab

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// ResultsFile is the variable that says where results go.
const ResultsFile = "NETSTATS_CLIENTS_RESULTS"

// A Result is what a Compare found. It is written as a line of JSON to the file
// that NETSTATS_CLIENTS_RESULTS names.
type Result struct {
	Recipe Recipe `json:"recipe"`
	Case   string `json:"case"`
	Way    string `json:"way"` // that plain was compared with
	Passed bool   `json:"passed"`

	// Transcript is a digest of what the library returned.
	Transcript string `json:"transcript"`

	Connections int   `json:"connections"`
	Sent        int64 `json:"sent"`
	Received    int64 `json:"received"`
	// Unread is what the server sent and the library closed without reading it.
	Unread int64 `json:"unread,omitempty"`

	Ends    map[string]int `json:"ends"`
	Faults  map[string]int `json:"errors,omitempty"` // by error.type
	Callers []string       `json:"callers"`
	Hosts   []string       `json:"hosts"`
	// Dials is the number of dial spans, and Children that of the caller's.
	Dials    int `json:"dials"`
	Children int `json:"children"`

	// Left is what the library leaves in use if it is left alone.
	Left Resources `json:"left"`

	// Traced is set if system calls were looked at, and Calls are the fast ones, by
	// way and name.
	Traced bool                      `json:"traced"`
	Calls  map[string]map[string]int `json:"calls,omitempty"`

	// Seconds are those of both ways, and TracedSeconds those of both once more,
	// under strace.
	Seconds       float64 `json:"seconds"`
	TracedSeconds float64 `json:"traced_seconds,omitempty"`
}

func newResult(r Recipe, test string) *Result {
	return &Result{Recipe: r, Case: strings.TrimPrefix(test, "Test"), Way: watched()}
}

// save appends the result to the file for results, if there is one.
func (r *Result) save(t *testing.T) {
	t.Helper()
	name := os.Getenv(ResultsFile)
	if name == "" {
		return
	}
	r.Passed = !t.Failed() && !t.Skipped()
	line, err := json.Marshal(r)
	if err != nil {
		t.Error(err)
		return
	}
	file, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Error(err)
		return
	}
	defer file.Close()
	if _, err := file.Write(append(line, '\n')); err != nil {
		t.Error(err)
	}
}

func (s *transcript) digest() string {
	sum := sha256.Sum256([]byte(strings.Join(s.lines, "\n")))
	return hex.EncodeToString(sum[:6])
}
