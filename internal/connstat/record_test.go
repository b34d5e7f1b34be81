package connstat_test

import (
	"errors"
	"io"
	"testing"

	"github.com/netstats-go/netstats/internal/connstat"
)

// TestWhatCounts: a call counts if it moved bytes, or a datagram, which may be
// empty; and what counts comes to the totals.
func TestWhatCounts(t *testing.T) {
	type flow = connstat.Flow
	refused := errors.New("refused")
	for _, test := range []struct {
		name   string
		packet bool
		n      int64
		err    error
		want   flow
	}{
		{"bytes", false, 7, nil, flow{Bytes: 7, Operations: 1}},
		{"bytes with an error", false, 7, io.EOF, flow{Bytes: 7, Operations: 1}},
		{"nothing", false, 0, nil, flow{}},
		{"an error", false, 0, io.EOF, flow{}},
		{"less than nothing, as a careless Read may return", false, -1, nil, flow{}},
		{"the largest that the word takes", false, connstat.MaxPacked - 1, nil, flow{Bytes: connstat.MaxPacked - 1, Operations: 1}},
		{"more than that", false, connstat.MaxPacked, nil, flow{Bytes: connstat.MaxPacked, Operations: 1}},
		{"far more", false, 1 << 50, io.EOF, flow{Bytes: 1 << 50, Operations: 1}},
		{"a datagram", true, 7, nil, flow{Bytes: 7, Operations: 1}},
		{"an empty datagram", true, 0, nil, flow{Operations: 1}},
		{"a datagram that was refused", true, 0, refused, flow{}},
	} {
		for _, d := range []connstat.Direction{connstat.Received, connstat.Sent} {
			var g group
			l := g.open(connstat.Config{Packet: test.packet})
			call := (*connstat.Record).Received
			if d == connstat.Sent {
				call = (*connstat.Record).Sent
			}
			const calls = 5 // of the largest, the word takes no more than three
			var want [2]connstat.Flow
			want[d] = flow{Bytes: calls * test.want.Bytes, Operations: calls * test.want.Operations}
			for range calls {
				call(&l.Record, test.n, test.err)
			}
			received, sent := l.Flows()
			if got := [2]flow{received, sent}; got != want {
				t.Errorf("%s: counted %+v, want %+v", test.name, got, want)
			}
			if received, sent = g.folded(); [2]flow{received, sent} != want {
				t.Errorf("%s: totals are %+v and %+v, want %+v", test.name, received, sent, want)
			}
		}
	}
}
