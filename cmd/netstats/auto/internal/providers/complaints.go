package providers

import (
	"fmt"
	"strings"
	"sync"

	"github.com/netstats-go/netstats/cmd/netstats/auto"
)

// maxSaid bounds what is remembered of what was said.
const maxSaid = 100

// complaints says what exporters complain of, each thing once: they try again
// every few seconds, and the terminal is the program's.
type complaints struct {
	say func(error)

	mu   sync.Mutex // guards said
	said map[string]bool
}

func newComplaints() *complaints {
	return &complaints{say: auto.Complain, said: make(map[string]bool)}
}

// Handle implements otel.ErrorHandler. A nil error is none.
func (c *complaints) Handle(err error) {
	if err == nil {
		return
	}
	about := err.Error()
	if s := refused(about); s != nil {
		about = s.name
		err = fmt.Errorf("the backend takes no %s: %w; to leave them out, set %s=none", s.name, err, s.variable)
	}
	if c.first(about) {
		c.say(err)
	}
}

func (c *complaints) first(about string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.said[about] || len(c.said) >= maxSaid {
		return false
	}
	c.said[about] = true
	return true
}

// A signal is what a backend may not take.
type signal struct {
	name, variable string
	start          string // of what its exporters complain of
}

var signals = []signal{
	{"traces", TracesVariable, "traces export: "},
	{"metrics", MetricsVariable, "failed to upload metrics: "},
}

// refusals are what backends answer that do not know a signal, by HTTP and by
// gRPC. The exporters tell it by text only.
var refusals = []string{": 404 Not Found", ": 405 Method Not Allowed", ": 501 Not Implemented", "code = Unimplemented"}

// refused returns the signal that the backend refused, nil if it is something else.
func refused(complaint string) *signal {
	for i, s := range signals {
		_, rest, ok := strings.Cut(complaint, s.start)
		if !ok {
			continue
		}
		for _, r := range refusals {
			if strings.Contains(rest, r) {
				return &signals[i]
			}
		}
	}
	return nil
}
