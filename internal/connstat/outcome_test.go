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
	"time"

	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/tcpinfo"
	"github.com/netstats-go/netstats/internal/testnet"
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
		writeBy    = func(d time.Duration) func(*life) {
			return func(l *life) { l.WriteDeadlineSet(time.Now().Add(d)) }
		}
		goodbye = history{writeBy(time.Hour), writes(24, nil), writeBy(-time.Hour)}
	)
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
		{"reset, then bytes that were there and an error", history{reset, reads(1, nil), other}, connstat.Reset, syscall.ECONNRESET},
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

		{"deadline, then a goodbye", append(history{deadline}, goodbye...), connstat.Timeout, os.ErrDeadlineExceeded},
		{"deadline, then no goodbye after all", history{deadline, writeBy(time.Hour)}, connstat.Timeout, os.ErrDeadlineExceeded},
		{"deadline, then a long message", history{deadline, writeBy(time.Hour), writes(129, nil), writeBy(-time.Hour)}, connstat.Local, nil},
		{"deadline, then a message", history{deadline, writeBy(time.Hour), writes(24, nil)}, connstat.Local, nil},
		{"deadline, then a message without one", history{deadline, writes(24, nil), writeBy(-time.Hour)}, connstat.Local, nil},
		{"deadline, then none", history{deadline, func(l *life) { l.WriteDeadlineSet(time.Time{}) }}, connstat.Local, nil},
		{"deadline, another, a message, then none", history{deadline, writeBy(time.Hour), writes(24, nil), func(l *life) { l.WriteDeadlineSet(time.Time{}) }}, connstat.Local, nil},
		{"deadline, a goodbye, then more", append(history{deadline}, append(goodbye, reads(200, nil))...), connstat.Local, nil},
		{"deadline, another, a goodbye", append(history{deadline, extend}, goodbye...), connstat.Local, nil},
		{"deadline of a write, then another", history{writes(0, os.ErrDeadlineExceeded), writeBy(time.Hour)}, connstat.Local, nil},
		{"a goodbye only", goodbye, connstat.Local, nil},
		{"a goodbye of before", append(append(history{deadline}, goodbye...), extend, deadline, writes(10, nil)), connstat.Local, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var g group
			l := g.open(connstat.Config{})
			for _, step := range test.history {
				step(l)
			}
			if l.Reason() != connstat.Open || l.Record.Ended() || l.Fault() != nil {
				t.Fatalf("reason %d, fault %v before Close, want Open and none", l.Reason(), l.Fault())
			}
			if err := l.Close(func() error { return errOther }, nil); err != errOther { //nolint:errorlint // it must be returned as it is
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

type history []func(*life)

// TestKernelsVerdict: what the kernel says of the peer counts where nothing else
// tells how the connection ended.
func TestKernelsVerdict(t *testing.T) {
	var (
		fin      = reads(0, io.EOF)
		reset    = reads(0, syscall.ECONNRESET)
		deadline = reads(0, os.ErrDeadlineExceeded)
		half     = (*life).HalfClosed
	)
	for _, test := range []struct {
		name    string
		history history
		peer    tcpinfo.Peer
		want    connstat.Reason
		fault   error
	}{
		{"nothing", nil, tcpinfo.PeerUnknown, connstat.Local, nil},
		{"FIN", nil, tcpinfo.PeerClosed, connstat.Remote, nil},
		{"reset", nil, tcpinfo.PeerReset, connstat.Reset, syscall.ECONNRESET},
		{"no answer", nil, tcpinfo.PeerTimedOut, connstat.Timeout, syscall.ETIMEDOUT},
		{"reset after a FIN that was read", history{fin}, tcpinfo.PeerReset, connstat.Remote, nil},
		{"FIN after a reset", history{reset}, tcpinfo.PeerClosed, connstat.Reset, syscall.ECONNRESET},
		{"FIN after a deadline", history{deadline}, tcpinfo.PeerClosed, connstat.Timeout, os.ErrDeadlineExceeded},
		{"FIN after an own one", history{half}, tcpinfo.PeerClosed, connstat.Local, nil},
		{"reset after an own FIN", history{half}, tcpinfo.PeerReset, connstat.Local, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var g group
			l := g.open(connstat.Config{})
			for _, step := range test.history {
				step(l)
			}
			info := tcpinfo.Info{RTT: 5, Peer: test.peer}
			l.atEnd = func(got tcpinfo.Info, asked bool) {
				if got != info || !asked {
					t.Errorf("the owner was told %+v, %v, want %+v", got, asked, info)
				}
			}
			_ = l.Close(func() error { return nil }, func() (tcpinfo.Info, bool) { return info, true })
			if got := l.Reason(); got != test.want {
				t.Errorf("reason %d, want %d", got, test.want)
			}
			if got := l.Fault(); !errors.Is(got, test.fault) {
				t.Errorf("fault %v, want %v", got, test.fault)
			}
		})
	}
}

// nilError panics like a nil pointer that a careless function returns as an
// error.
type nilError struct{ err error }

func (e *nilError) Error() string { return e.err.Error() }
func (e *nilError) Unwrap() error { return e.err }

// TestErrorsThatPanic: the program does not ask them, so that we must not, either.
func TestErrorsThatPanic(t *testing.T) {
	var g group
	l := g.open(connstat.Config{})
	l.Received(1, (*nilError)(nil))
	l.Sent(1, (*nilError)(nil))
	l.Closing()
	if got := l.Reason(); got != connstat.Error {
		t.Errorf("reason %d, want Error", got)
	}
}

// TestReasonAndFaultConcurrentSafe: a connection that had an error is closed while
// a worse one comes in, as with every broken connection. It ends with the one or
// with the other.
func TestReasonAndFaultConcurrentSafe(t *testing.T) {
	rounds := 50_000
	if testnet.Race {
		rounds = 2000
	}
	var l *life
	testnet.Meet(rounds, func(round int) {
		l = new(group).open(connstat.Config{})
		l.Received(0, errOther)
		l.atEnd = func(tcpinfo.Info, bool) {
			if reason, err := l.Reason(), l.Fault(); err == nil || (reason == connstat.Reset) != errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("round %d: reason %d with fault %v", round, reason, err)
			}
		}
	}, func() { l.Closing() }, func() { l.Sent(0, syscall.ECONNRESET) })
}

// TestEndsThatMeetConcurrentSafe: of two that end a connection at once one does.
func TestEndsThatMeetConcurrentSafe(t *testing.T) {
	for name, other := range map[string]func(*life){
		"Close":    (*life).Closing,
		"Shutdown": func(l *life) { l.End(connstat.Shutdown) },
	} {
		t.Run(name, func(t *testing.T) {
			var (
				g *group
				l *life
			)
			meet(t, 10_000, func() {
				g = new(group)
				l = g.open(connstat.Config{})
			}, func() { l.Closing() }, func() { other(l) }, func() {
				g.wantEmpty(t, 0)
				if e, c := l.ended.Load(), l.closed.Load(); e != 1 || c != 1 {
					t.Errorf("the owner was told %d and %d times, want once", e, c)
				}
			})
		})
	}
}

// TestErrorsAmidEndsConcurrentSafe: what has ended stays so, whatever error comes in
// at that moment.
func TestErrorsAmidEndsConcurrentSafe(t *testing.T) {
	var lives [20]*life
	fail := func(l *life) { l.Received(1, errOther) } // replaces the error before
	meet(t, 10_000, func() {
		g := new(group)
		for i := range lives {
			lives[i] = g.open(connstat.Config{})
		}
	}, func() {
		for _, l := range lives {
			fail(l) // to take as long as the other
			l.End(connstat.Shutdown)
		}
	}, func() {
		for _, l := range lives {
			fail(l)
			fail(l)
		}
	}, func() {
		for _, l := range lives {
			if !l.Record.Ended() {
				t.Error("an error had a connection open again")
			}
		}
	})
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
		l.Sent(10, nil)
		if !l.End(reason) {
			t.Error("the first End is not the one")
		}
		g.wantEmpty(t, 10)
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

// TestEndsAreCounted once, each by its reason, so that with those that are open they
// are all that were opened.
func TestEndsAreCounted(t *testing.T) {
	var g group
	end := func(reason connstat.Reason) func(*life) {
		return func(l *life) { l.End(reason) }
	}
	for _, test := range []struct {
		reason connstat.Reason
		end    func(*life)
	}{
		{connstat.Local, (*life).Closing},
		{connstat.Remote, func(l *life) { l.Received(0, io.EOF); l.Closing() }},
		{connstat.Reset, func(l *life) { l.Received(0, syscall.ECONNRESET); l.Closing() }},
		{connstat.Timeout, func(l *life) { l.Received(0, os.ErrDeadlineExceeded); l.Closing() }},
		{connstat.Error, func(l *life) { l.Received(0, errOther); l.Closing() }},
		{connstat.Shutdown, end(connstat.Shutdown)},
		{connstat.Leaked, end(connstat.Leaked)},
	} {
		before := g.totals.Ended(test.reason)
		l := g.open(connstat.Config{})
		test.end(l)
		l.Closing()
		if got := g.totals.Ended(test.reason) - before; got != 1 || g.totals.Open() != 0 {
			t.Errorf("reason %d: %d have ended and %d are open, want 1 and 0", test.reason, got, g.totals.Open())
		}
	}
}

// TestDiscard: nobody is told, and nothing stays.
func TestDiscard(t *testing.T) {
	var g group
	l := g.prepare(connstat.Config{})
	l.Discard()
	if open, ended := g.totals.Open(), g.totals.Ended(connstat.Local); open != 0 || ended != 0 {
		t.Errorf("%d open and %d ended, want 0 and 0", open, ended)
	}
	if n := l.ended.Load() + l.closed.Load(); n != 0 {
		t.Errorf("the owner was told %d times", n)
	}
	if g.set.Add(&l.Record); len(g.set.Open()) != 0 {
		t.Error("an ended connection is in the set")
	}
}

// TestEndConcurrentSafe ends a connection in all ways at once.
func TestEndConcurrentSafe(t *testing.T) {
	var g group
	for range 100 {
		l := g.open(connstat.Config{})
		var inner sync.WaitGroup
		for i, end := range []func(){
			func() { _ = l.Close(func() error { return nil }, nil) },
			func() { _ = l.Close(func() error { return net.ErrClosed }, nil) },
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
		eventually(t, "the owner is told", func() bool { return l.closed.Load() > 0 }) // of a leak, by another goroutine
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
	if n := len(g.set.Open()); n != 0 {
		t.Errorf("%d in the set, want 0", n)
	}
	if in, out := g.folded(); in.Bytes != 100 || out.Bytes != 100 {
		t.Errorf("totals %d and %d, want 100 and 100", in.Bytes, out.Bytes)
	}
}
