package otelnetstats

import (
	"context"
	"net/http/httptrace"
	"slices"
	"sync"

	"github.com/netstats-go/netstats/internal/connstat"
)

// maxSteps bounds the lookups and the attempts to connect of one dial: a name may
// have any number of addresses.
const maxSteps = 32

// dialSteps notes the steps of a dial. Its hooks may be called by several
// goroutines, and after the dial returned: of two addresses tried at once, one
// loses.
type dialSteps struct {
	mu       sync.Mutex // guards all below
	lookups  []DNSLookup
	lookup   DNSLookup // the one under way
	under    int       // lookups under way: one more within another is that of a name server's name
	connects []ConnectAttempt
	pending  uint32 // which of connects have not ended, by bit
	over     bool   // the dial has returned
}

func (s *dialSteps) hooks() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		DNSStart:     s.dnsStart,
		DNSDone:      s.dnsDone,
		ConnectStart: s.connectStart,
		ConnectDone:  s.connectDone,
	}
}

func (s *dialSteps) dnsStart(info httptrace.DNSStartInfo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.under++; s.under == 1 {
		s.lookup = DNSLookup{Name: short(info.Host), Start: connstat.Now()}
	}
}

func (s *dialSteps) dnsDone(info httptrace.DNSDoneInfo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.under--; s.under > 0 || s.over || len(s.lookups) >= maxSteps {
		return
	}
	l := s.lookup
	l.Duration, l.Addresses, l.Err = connstat.Since(l.Start), len(info.Addrs), info.Err
	s.lookups = append(s.lookups, l)
}

func (s *dialSteps) connectStart(network, addr string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over || len(s.connects) >= maxSteps {
		return
	}
	s.connects = append(s.connects, ConnectAttempt{Start: connstat.Now(), Network: short(network), Address: short(addr)})
	s.pending |= 1 << (len(s.connects) - 1)
}

func (s *dialSteps) connectDone(network, addr string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	for i := range slices.Backward(s.connects) { // the latest at this address
		if c := &s.connects[i]; s.isPending(i) && c.Network == short(network) && c.Address == short(addr) {
			s.end(i, err)
			return
		}
	}
}

func (s *dialSteps) isPending(i int) bool { return s.pending&(1<<i) != 0 }

// end ends an attempt. The caller holds the lock.
func (s *dialSteps) end(i int, err error) {
	c := &s.connects[i]
	c.Duration, c.Err = connstat.Since(c.Start), err
	s.pending &^= 1 << i
}

// close ends the notes: what is still under way was given up.
func (s *dialSteps) close(setup *Setup) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	for i := range s.connects {
		if s.isPending(i) {
			s.end(i, context.Canceled)
		}
	}
	setup.Lookups, setup.Connects = s.lookups, s.connects
}
