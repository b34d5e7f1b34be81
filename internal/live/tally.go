package live

import (
	"sync"
	"time"
)

// maxPlaces bounds what a tally tells apart.
const maxPlaces = 4096

// A Place is what a profile tells connections apart by.
type Place struct {
	Origin *Origin // nil if it is not known
	Server string  // as metrics name it
	Role   string
	Reason string // why they ended; of dials, what failed
	Failed bool   // they are dials that failed
}

// Sums are of all that ended, or failed, at a Place.
type Sums struct {
	Connections, Failures int64
	Received, Sent        int64
	Dial, Open            time.Duration
}

// Add adds other ones.
func (s *Sums) Add(o Sums) {
	s.Connections += o.Connections
	s.Failures += o.Failures
	s.Received += o.Received
	s.Sent += o.Sent
	s.Dial += o.Dial
	s.Open += o.Open
}

// Past is the server of places that there is no room for.
const Past = "_OTHER"

// tally adds up what ended and what failed, by place.
type tally struct {
	mu   sync.Mutex // guards sums
	sums map[Place]*Sums
}

func (t *tally) end(e *Ended) {
	t.add(Place{Origin: e.Origin, Server: e.Label, Role: e.Role, Reason: e.Reason},
		Sums{Connections: 1, Received: e.Received.Bytes, Sent: e.Sent.Bytes, Dial: e.Setup.Total, Open: e.At.Sub(e.Opened)})
}

func (t *tally) fail(f *Failed) {
	t.add(Place{Origin: f.Origin, Server: f.Label, Role: "client", Reason: f.ErrorType, Failed: true},
		Sums{Failures: 1, Dial: f.Setup.Total})
}

func (t *tally) add(p Place, s Sums) {
	t.mu.Lock()
	defer t.mu.Unlock()
	sums := t.sums[p]
	if sums == nil {
		if t.sums == nil {
			t.sums = make(map[Place]*Sums)
		}
		if len(t.sums) >= maxPlaces {
			p = Place{Server: Past, Role: p.Role, Failed: p.Failed}
		}
		if sums = t.sums[p]; sums == nil {
			sums = new(Sums)
			t.sums[p] = sums
		}
	}
	sums.Add(s)
}

func (t *tally) copy() map[Place]Sums {
	t.mu.Lock()
	defer t.mu.Unlock()
	sums := make(map[Place]Sums, len(t.sums))
	for p, s := range t.sums {
		sums[p] = *s
	}
	return sums
}
