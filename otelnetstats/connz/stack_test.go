package connz_test

import (
	"strings"
	"testing"

	"github.com/netstats-go/netstats/otelnetstats"
	"github.com/netstats-go/netstats/otelnetstats/connz"
)

// TestStacksBeginWithTheCaller, and are there only if they are asked for.
func TestStacksBeginWithTheCaller(t *testing.T) {
	for name, opts := range map[string][]otelnetstats.Option{
		"without": nil,
		"with":    {otelnetstats.WithDialStacks()},
	} {
		tracker := newTracker(t, opts...)
		dial(t, &otelnetstats.Dialer{Tracker: tracker, Base: pipes{}}, "a:1")
		h := connz.Handler(tracker)
		d := conns(t, h, "open="+conns(t, h, "").Connections[0].ID)
		stack := strings.Join(d.Opened.Stack, "\n")
		if name == "without" {
			if stack != "" {
				t.Errorf("a stack that nobody asked for:\n%s", stack)
			}
			continue
		}
		if !strings.Contains(d.Opened.Stack[0], "connz_test.dial") || !strings.Contains(stack, ".TestStacksBeginWithTheCaller  stack_test.go:") || strings.Contains(stack, "runtime.") {
			t.Errorf("stack:\n%s", stack)
		}
	}
}
