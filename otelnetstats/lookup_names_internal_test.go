package otelnetstats

import (
	"errors"
	"strings"
	"testing"
)

// TestNamesThatAreFound count against their cap once, when they first are.
func TestNamesThatAreFound(t *testing.T) {
	tracker, _ := recording(t, WithMaxServers(8))
	lookup := func(name string, err error) {
		tracker.recordLookups(t.Context(), []DNSLookup{{Name: name, Err: err}})
	}
	want := func(what string, found int64, missing int) {
		t.Helper()
		if b := &tracker.names.budget; b.named() != found || b.unanswered != missing {
			t.Errorf("%s: %d were found and %d not, want %d and %d", what, b.named(), b.unanswered, found, missing)
		}
	}
	for range 3 {
		lookup("good", nil)
	}
	want("a name that is found", 1, 0)
	lookup("slow", errors.New("timeout"))
	want("one that is not", 1, 1)
	lookup("slow", nil)
	want("one that is at last", 2, 0)
	lookup(strings.Repeat("x", maxName+1), nil)
	want("one that DNS cannot have", 2, 0)
}
