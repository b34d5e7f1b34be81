package netwrap_test

import (
	"io"
	"os"
	"testing"

	"github.com/netstats-go/netstats/internal/testnet"
)

// descriptors is how many the process has open.
func descriptors(t *testing.T) int {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	testnet.Must(t, err)
	return len(open)
}

// failingCopy leaves what cannot be delivered in a pipe.
func failingCopy(t *testing.T) {
	t.Helper()
	src, dst := legs["tcp"](t), legs["tcp"](t)
	testnet.Send(t, src.peer, []byte("what cannot be delivered"))
	testnet.Must(t, dst.near.SetWriteDeadline(past))
	if n, err := io.Copy(dst.near, src.near); n != 0 || err == nil {
		t.Errorf("copied %d bytes, %v, want 0 and an error", n, err)
	}
	dst.rec.WantBytes(t, 0, 0)
	for _, l := range []leg{src, dst} {
		l.near.Close()
		l.peer.Close()
	}
}

// What one copy could not deliver comes out of no later one.
func TestPipesWithRestAreNotUsedAgain(t *testing.T) {
	for range 5 {
		failingCopy(t)
		copyConn(t, "tcp", "tcp", io.Copy)
	}
}

// Nor are their descriptors left open.
func TestPipesWithRestAreClosed(t *testing.T) {
	failingCopy(t)
	before := descriptors(t)
	const copies = 50
	for range copies {
		failingCopy(t)
	}
	if more := descriptors(t) - before; more > copies {
		t.Errorf("%d descriptors more than before", more)
	}
}
