package otelnetstats

import (
	"context"
	"errors"
	"testing"
)

// TestAttemptsAtOneAddress, which a dial function may try again before the first one
// has ended: each has an end of its own.
func TestAttemptsAtOneAddress(t *testing.T) {
	const network, address = "tcp", "192.0.2.1:80"
	first, second := errors.New("first to end"), errors.New("second to end")
	s := new(dialSteps)
	s.connectStart(network, address)
	s.connectStart(network, address)
	s.connectStart(network, "192.0.2.2:80")
	s.connectDone(network, address, first)
	s.connectDone(network, address, second)
	s.connectDone(network, address, nil) // which never began
	setup := new(Setup)
	s.close(setup)
	for i, want := range []error{second, first, context.Canceled} {
		if got := setup.Connects[i].Err; !errors.Is(got, want) {
			t.Errorf("attempt %d ended with %v, want %v", i+1, got, want)
		}
	}
}
