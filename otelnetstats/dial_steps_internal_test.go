package otelnetstats

import (
	"context"
	"errors"
	"net"
	"net/http/httptrace"
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

// TestLookupsWithinALookup, as that of a name server's name, are part of it.
func TestLookupsWithinALookup(t *testing.T) {
	s := new(dialSteps)
	s.dnsStart(httptrace.DNSStartInfo{Host: "server"})
	s.dnsStart(httptrace.DNSStartInfo{Host: "nameserver"})
	s.dnsDone(httptrace.DNSDoneInfo{Err: errors.New("within")})
	s.dnsDone(httptrace.DNSDoneInfo{Addrs: make([]net.IPAddr, 2)})
	setup := new(Setup)
	s.close(setup)
	if l := setup.Lookups; len(l) != 1 || l[0].Name != "server" || l[0].Addresses != 2 || l[0].Err != nil {
		t.Errorf("got %+v, want that of the server, which found two addresses", l)
	}
}

// TestStepsAreBounded, as a dial function may look up and try whatever it likes.
func TestStepsAreBounded(t *testing.T) {
	s := new(dialSteps)
	for range 10 * maxSteps {
		s.dnsStart(httptrace.DNSStartInfo{Host: "server"})
		s.dnsDone(httptrace.DNSDoneInfo{})
		s.connectStart("tcp", "192.0.2.1:80")
		s.connectDone("tcp", "192.0.2.1:80", nil)
	}
	setup := new(Setup)
	s.close(setup)
	if len(setup.Lookups) != maxSteps || len(setup.Connects) != maxSteps {
		t.Errorf("%d lookups and %d attempts, want %d of each", len(setup.Lookups), len(setup.Connects), maxSteps)
	}
}
