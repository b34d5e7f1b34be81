package connz_test

import (
	"net"
	"strings"
	"testing"

	"github.com/netstats-go/netstats/internal/testnet"
	"github.com/netstats-go/netstats/otelnetstats"
	"github.com/netstats-go/netstats/otelnetstats/connz"
)

// TestPeersThatLeftAreFound, though nobody reads: the kernel knows. Those are the
// connections that a program has forgotten.
func TestPeersThatLeftAreFound(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	testnet.Must(t, err)
	defer ln.Close()
	tracker := newTracker(t)
	d := &otelnetstats.Dialer{Tracker: tracker}
	dial(t, d, ln.Addr().String())
	stays, err := ln.Accept()
	testnet.Must(t, err)
	defer stays.Close()
	dial(t, d, ln.Addr().String())
	leaves, err := ln.Accept()
	testnet.Must(t, err)
	testnet.Must(t, leaves.Close())
	h := connz.Handler(tracker)
	eventually(t, "the one whose peer left is found", func() bool {
		d := conns(t, h, "q=state:peer")
		return d.Matched == 1 && d.Connections[0].Peer == leaves.LocalAddr().String() && d.Connections[0].Local == leaves.RemoteAddr().String()
	})
	if g := conns(t, h, "group=server").Groups; len(g) != 1 || g[0].States["peer closed"] != 1 || g[0].States["open"] != 1 {
		t.Errorf("groups %+v", g)
	}
	if s := body(t, h, "/?format=text&sort=-state"); !strings.Contains(s, "peer closed") {
		t.Errorf("text:\n%s", s)
	}
}
