package otelnetstats

import (
	"testing"

	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/tcpinfo"
)

// TestEventsHaveWhatNoRunHas: bytes that nobody was told of as they moved, as those of
// writev, are in an event of the connection all the same.
func TestEventsHaveWhatNoRunHas(t *testing.T) {
	tracker, spans := recording(t)
	c := openConn(t, tracker)
	c.rec.Received(10, nil)
	c.rec.Sampled(tcpinfo.Info{Sent: 5, HasSent: true})
	c.rec.End(connstat.Local)
	moved := map[string]int64{}
	for _, e := range spans.Ended()[0].Events() {
		for _, kv := range e.Attributes {
			if kv.Key == keyIOSize {
				moved[e.Name] += kv.Value.AsInt64()
			}
		}
	}
	if moved[eventRead] != 10 || moved[eventWrite] != 5 {
		t.Errorf("the events have %v, want 10 bytes read and 5 written", moved)
	}
}
