package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/netstats-go/netstats/integration/clients/lab"
)

// resultsFile has what came out of the latest run of each library.
const resultsFile = "results.json"

// results are rows by folder.
type results map[string]*row

// A row is what is known of a library.
type row struct {
	Recipe   lab.Recipe          `json:"recipe"`
	Versions map[string]string   `json:"versions"` // by module
	Outcomes map[string]*outcome `json:"outcomes"` // by way; null if it was not run
}

// An outcome is what came out of a library's cases, one way, added up.
type outcome struct {
	Failed      bool           `json:"failed,omitempty"`
	Cases       int            `json:"cases"`
	Passed      int            `json:"passed"`
	Traced      int            `json:"traced"`
	Connections int            `json:"connections"`
	Sent        int64          `json:"sent"`
	Received    int64          `json:"received"`
	Unread      int64          `json:"unread,omitempty"`
	Ends        map[string]int `json:"ends"`
	Errors      map[string]int `json:"errors,omitempty"`
	// Plain and Watched are the fast system calls.
	Plain   map[string]int `json:"calls_plain,omitempty"`
	Watched map[string]int `json:"calls,omitempty"`
	Left    lab.Resources  `json:"left"`
	Seconds float64        `json:"seconds"`

	recipe lab.Recipe
}

func load() (results, error) {
	text, err := os.ReadFile(resultsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return make(results), nil
	}
	if err != nil {
		return nil, err
	}
	var r results
	err = json.Unmarshal(text, &r)
	return r, err
}

// keep puts an outcome into the file. It reads the file anew, as another suite may run
// at the same time.
func keep(name, way string, o *outcome) error {
	results, err := load()
	if err != nil {
		return err
	}
	if results[name] == nil {
		results[name] = &row{Outcomes: make(map[string]*outcome)}
	}
	results[name].Versions = versions(name)
	results[name].Outcomes[way] = o
	if o != nil && o.Cases > 0 {
		results[name].Recipe = o.recipe
	}
	text, err := json.MarshalIndent(results, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(resultsFile, append(text, '\n'), 0o644) //nolint:gosec // it is for all to read
}

// read adds up the results in a file. It returns nil if there are none, as of a
// library without a hook that is to be wrapped.
func read(file string) (*outcome, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	o := &outcome{Ends: map[string]int{}, Errors: map[string]int{}, Plain: map[string]int{}, Watched: map[string]int{}}
	for d := json.NewDecoder(bytes.NewReader(text)); d.More(); {
		var r lab.Result
		if err := d.Decode(&r); err != nil {
			return nil, err
		}
		o.add(&r)
	}
	return o, nil
}

// fail returns the outcome of a test that failed. It may have come to no case, or to
// those only that passed.
func (o *outcome) fail() *outcome {
	if o == nil {
		o = new(outcome)
	}
	o.Failed = true
	return o
}

func (o *outcome) add(r *lab.Result) {
	if o.Cases == 0 {
		o.recipe = r.Recipe
	}
	o.Cases++
	if r.Passed {
		o.Passed++
	}
	if r.Traced {
		o.Traced++
	}
	o.Connections += r.Connections
	o.Sent += r.Sent
	o.Received += r.Received
	o.Unread += r.Unread
	o.Seconds += r.Seconds + r.TracedSeconds
	o.Left.Goroutines = max(o.Left.Goroutines, r.Left.Goroutines)
	o.Left.Descriptors = max(o.Left.Descriptors, r.Left.Descriptors)
	sum(o.Ends, r.Ends)
	sum(o.Errors, r.Faults)
	sum(o.Plain, r.Calls["plain"])
	sum(o.Watched, r.Calls[r.Way])
}

func sum(into, from map[string]int) {
	for name, n := range from {
		into[name] += n
	}
}

// Verdict says in two words what came out.
func (o *outcome) Verdict() string {
	switch {
	case o == nil:
		return "not run"
	case o.Failed || o.Passed < o.Cases:
		return "FAILED"
	}
	return "same, exact"
}

// Bytes are those that were moved.
func (o *outcome) Bytes() string { return amount(o.Sent + o.Received) }

// Ended says why connections ended.
func (o *outcome) Ended() string {
	var reasons []string
	for _, name := range slices.Sorted(maps.Keys(o.Ends)) {
		reasons = append(reasons, fmt.Sprintf("%s %d", name, o.Ends[name]))
	}
	return strings.Join(reasons, ", ")
}

// String is what is printed of a run.
func (o *outcome) String() string {
	if o == nil {
		return o.Verdict()
	}
	return fmt.Sprintf("%s: connections %d, %s, ended %s", o.Verdict(), o.Connections, o.Bytes(), o.Ended())
}

func amount(n int64) string {
	switch {
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d B", n)
}
