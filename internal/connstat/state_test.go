//go:build !windows && !plan9

package connstat_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"

	"github.com/netstats-go/netstats/internal/connstat"
)

var errOther = errors.New("other")

// reads and writes are calls that return n and err.
func reads(n int64, err error) func(*life)  { return func(l *life) { l.Received(n, err) } }
func writes(n int64, err error) func(*life) { return func(l *life) { l.Sent(n, err) } }

func netError(err error) error { return &net.OpError{Op: "read", Net: "tcp", Err: err} }

// TestVerdict goes through what can happen to a connection before its Close.
func TestVerdict(t *testing.T) {
	var (
		fin        = reads(0, io.EOF)
		reset      = reads(0, netError(os.NewSyscallError("read", syscall.ECONNRESET)))
		brokenPipe = writes(0, netError(os.NewSyscallError("write", syscall.EPIPE)))
		deadline   = reads(0, netError(os.ErrDeadlineExceeded))
		gaveUp     = reads(0, netError(os.NewSyscallError("read", syscall.ETIMEDOUT)))
		other      = reads(0, errOther)
		halfClose  = (*life).HalfClosed
		extend     = (*life).DeadlineSet
	)
	type history []func(*life)
	for _, test := range []struct {
		name    string
		history history
		want    connstat.Reason
		fault   error // Is of Fault; nil if there is none
	}{
		{"nothing", nil, connstat.Local, nil},
		{"bytes", history{reads(1, nil), writes(1, nil)}, connstat.Local, nil},
		{"FIN", history{fin}, connstat.Remote, nil},
		{"FIN with the last bytes", history{reads(1, io.EOF)}, connstat.Remote, nil},
		{"FIN, then bytes the other way", history{fin, writes(1, nil)}, connstat.Remote, nil},
		{"half-close first", history{halfClose, fin}, connstat.Remote, nil},
		{"half-close only", history{halfClose}, connstat.Local, nil},
		{"EOF of a write", history{writes(0, io.EOF)}, connstat.Error, io.EOF},
		{"closed pipe, writing", history{writes(0, io.ErrClosedPipe)}, connstat.Remote, nil},
		{"closed pipe, reading", history{reads(0, io.ErrClosedPipe)}, connstat.Local, nil},
		{"closed here", history{reads(0, netError(net.ErrClosed))}, connstat.Local, nil},
		{"reset", history{reset}, connstat.Reset, syscall.ECONNRESET},
		{"reset after FIN", history{fin, reset}, connstat.Reset, syscall.ECONNRESET},
		{"FIN after reset", history{reset, fin}, connstat.Reset, syscall.ECONNRESET},
		{"aborted", history{reads(0, syscall.ECONNABORTED)}, connstat.Reset, syscall.ECONNABORTED},
		{"broken pipe", history{brokenPipe}, connstat.Reset, syscall.EPIPE},
		{"broken pipe after FIN", history{fin, brokenPipe}, connstat.Reset, syscall.EPIPE},
		{"broken pipe of one's own", history{halfClose, brokenPipe}, connstat.Local, nil},
		{"reset read after half-close", history{halfClose, reset}, connstat.Reset, syscall.ECONNRESET},
		{"reset outranks a later error", history{reset, other}, connstat.Reset, syscall.ECONNRESET},
		{"reset outranks an earlier error", history{other, reset}, connstat.Reset, syscall.ECONNRESET},
		{"reset, then bytes that were there", history{reset, reads(1, nil)}, connstat.Reset, syscall.ECONNRESET},
		{"deadline", history{deadline}, connstat.Timeout, os.ErrDeadlineExceeded},
		{"deadline with bytes", history{writes(3, netError(os.ErrDeadlineExceeded))}, connstat.Timeout, os.ErrDeadlineExceeded},
		{"deadline, then bytes", history{deadline, reads(1, nil)}, connstat.Local, nil},
		{"deadline, then another", history{deadline, extend}, connstat.Local, nil},
		{"deadline twice", history{deadline, extend, deadline}, connstat.Timeout, os.ErrDeadlineExceeded},
		{"deadline, then FIN", history{deadline, fin}, connstat.Remote, nil},
		{"the kernel gave up", history{gaveUp}, connstat.Timeout, syscall.ETIMEDOUT},
		{"the kernel gave up, then another deadline", history{gaveUp, extend}, connstat.Timeout, syscall.ETIMEDOUT},
		{"another error", history{other}, connstat.Error, errOther},
		{"another error, then bytes", history{other, writes(1, nil)}, connstat.Local, nil},
		{"two errors of a stop", history{other, gaveUp}, connstat.Error, errOther},
		{"two errors, bytes between", history{other, reads(1, nil), gaveUp}, connstat.Timeout, syscall.ETIMEDOUT},
		{"another error, then FIN", history{other, fin}, connstat.Remote, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var g group
			l := g.open(connstat.Config{})
			for _, step := range test.history {
				step(l)
			}
			if l.Reason() != connstat.Open || l.Record.Ended() {
				t.Fatalf("reason %d before Close, want Open", l.Reason())
			}
			if err := l.Close(func() error { return errOther }); err != errOther { //nolint:errorlint // it must be returned as it is
				t.Errorf("Close: %v, want %v", err, errOther)
			}
			reset(l) // what happens later is the Close's own doing
			if got := l.Reason(); got != test.want {
				t.Errorf("reason %d, want %d", got, test.want)
			}
			if got := l.Fault(); !errors.Is(got, test.fault) {
				t.Errorf("fault %v, want %v", got, test.fault)
			}
		})
	}
}

// TestPacketErrors say nothing about the socket.
func TestPacketErrors(t *testing.T) {
	for _, err := range []error{syscall.ECONNREFUSED, syscall.ECONNRESET, os.ErrDeadlineExceeded, io.EOF} {
		var g group
		l := g.open(connstat.Config{Packet: true})
		l.Received(0, err)
		l.Closing()
		if got := l.Reason(); got != connstat.Local {
			t.Errorf("%v: reason %d, want Local", err, got)
		}
	}
}

// TestGivenReasons: End gives the reason, and the first one stays.
func TestGivenReasons(t *testing.T) {
	for _, reason := range []connstat.Reason{connstat.Shutdown, connstat.Leaked} {
		var g group
		l := g.open(connstat.Config{})
		l.Received(0, syscall.ECONNRESET)
		if !l.End(reason) {
			t.Error("the first End is not the one")
		}
		if l.End(connstat.Local) {
			t.Error("the second End is the one")
		}
		l.Closing()
		if got := l.Reason(); got != reason {
			t.Errorf("reason %d, want %d", got, reason)
		}
		if err := l.Fault(); err != nil {
			t.Errorf("fault %v, want none", err)
		}
	}
}

// TestDiscard: nobody is told, and nothing stays.
func TestDiscard(t *testing.T) {
	var g group
	l := g.prepare(connstat.Config{})
	l.Discard()
	if n := g.totals.Open(); n != 0 {
		t.Errorf("%d open, want 0", n)
	}
	if n := l.ended.Load() + l.closed.Load(); n != 0 {
		t.Errorf("the owner was told %d times", n)
	}
	if g.registry.Add(&l.Record); len(g.registry.Open()) != 0 {
		t.Error("an ended connection is in the registry")
	}
}

// TestEndConcurrentSafe ends a connection in all ways at once.
func TestEndConcurrentSafe(t *testing.T) {
	var g group
	for range 100 {
		l := g.open(connstat.Config{})
		var inner sync.WaitGroup
		for i, end := range []func(){
			func() { _ = l.Close(func() error { return nil }) },
			func() { _ = l.Close(func() error { return net.ErrClosed }) },
			func() { l.End(connstat.Shutdown) },
			l.Closing,
			l.Dropped,
			func() { l.Received(1, io.EOF) },
			func() { l.Sent(1, syscall.EPIPE) },
			l.HalfClosed,
			func() { _ = fmt.Sprint(l.Reason(), l.Fault()) },
		} {
			inner.Go(func() {
				if i%2 == 0 {
					l.DeadlineSet()
				}
				end()
			})
		}
		inner.Wait()
		if e, c := l.ended.Load(), l.closed.Load(); e != 1 || c != 1 {
			t.Fatalf("ended %d times, closed %d times, want once", e, c)
		}
		if l.Reason() == connstat.Open {
			t.Fatal("still open")
		}
	}
	if n := g.totals.Open(); n != 0 {
		t.Errorf("%d open, want 0", n)
	}
	if n := len(g.registry.Open()); n != 0 {
		t.Errorf("%d in the registry, want 0", n)
	}
	if in, out := g.folded(); in.Bytes != 100 || out.Bytes != 100 {
		t.Errorf("totals %d and %d, want 100 and 100", in.Bytes, out.Bytes)
	}
}
