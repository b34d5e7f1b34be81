package auto

import (
	"time"

	"github.com/netstats-go/netstats/otelnetstats"
)

// A timing is how long a dial took.
type timing struct{ Total, DNS, Connect time.Duration }

func (t timing) plus(u timing) timing {
	return timing{t.Total + u.Total, t.DNS + u.DNS, t.Connect + u.Connect}
}

// timingOf sums a dial up. Of several attempts to connect, the one that succeeded
// counts.
func timingOf(s otelnetstats.Setup) timing {
	t := timing{Total: s.Total}
	for _, l := range s.Lookups {
		t.DNS += l.Duration
	}
	for _, c := range s.Connects {
		if c.Err == nil {
			t.Connect = c.Duration
		}
	}
	return t
}
