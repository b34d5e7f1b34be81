package connstat_test

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netstats-go/netstats/internal/connstat"
)

// TestActive: a connection is active when a fold finds that it moved something.
func TestActive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g group
		l := g.open(connstat.Config{Opened: connstat.Now()})
		want := func(after time.Duration) {
			t.Helper()
			g.set.Fold()
			if got := l.Active().Sub(l.Opened); got != after {
				t.Errorf("active %v after it was opened, want %v", got, after)
			}
		}
		g.set.Fold()
		if !l.Active().IsZero() {
			t.Errorf("active at %v before anything moved", l.Active())
		}
		l.Sent(1, nil)
		want(0)
		time.Sleep(2345 * time.Millisecond)
		want(0)
		l.Received(1, nil)
		want(2300 * time.Millisecond)
		time.Sleep(100 * 365 * 24 * time.Hour)
		l.Sent(1, nil)
		want((1<<32 - 2) * time.Second / 10)
	})
}

// TestActiveByAnotherClock: a connection may be opened in a bubble, and be folded
// outside.
func TestActiveByAnotherClock(t *testing.T) {
	var g group
	l := g.open(connstat.Config{Opened: connstat.Now().Add(time.Hour)})
	l.Sent(1, nil)
	g.set.Fold()
	if got := l.Active().Sub(l.Opened); got != 0 {
		t.Errorf("active %v after it was opened, want 0", got)
	}
}

func TestPeerDone(t *testing.T) {
	var g group
	l := g.open(connstat.Config{})
	if l.PeerDone() {
		t.Error("before its end of stream")
	}
	l.Received(0, io.EOF)
	if !l.PeerDone() {
		t.Error("not after its end of stream")
	}
	l.HalfClosed()
	if l.PeerDone() {
		t.Error("after both directions were closed")
	}
}
