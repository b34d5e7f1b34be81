package otelnetstats

import (
	"net"
	"testing"

	"go.opentelemetry.io/otel/attribute"

	"github.com/netstats-go/netstats/internal/testnet"
)

// TestPartsAskTheKernel, so that each says what the network was like, and has the bytes
// of writev that were moved in it.
func TestPartsAskTheKernel(t *testing.T) {
	tracker, spans := recording(t)
	client, server := testnet.TCPPair(t)
	conn := tracker.Register(t.Context(), client)
	testnet.Send(t, conn, []byte{1})
	testnet.Receive(t, server, make([]byte, 1))
	c, _ := Lookup(conn)
	c.nextPart()
	_, err := (&net.Buffers{{1}, {2}}).WriteTo(conn)
	testnet.Must(t, err)
	c.nextPart()
	testnet.Must(t, conn.Close())
	if got := len(spans.Ended()); got != 3 {
		t.Fatalf("%d parts, want 3", got)
	}
	for i, want := range []int64{1, 2, 0} {
		attrs := attribute.NewSet(spans.Ended()[i].Attributes()...)
		if _, ok := attrs.Value(keyTCPRTT); !ok {
			t.Errorf("part %d does not say how long a round trip takes", i+1)
		}
		if got, _ := attrs.Value(keyTransmitSize); got.AsInt64() != want {
			t.Errorf("part %d has %d bytes, want %d", i+1, got.AsInt64(), want)
		}
	}
}
