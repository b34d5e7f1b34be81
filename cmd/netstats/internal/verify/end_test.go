package verify

import (
	"io"
	"net"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/netstats-go/netstats/internal/connstat"
)

var reasons = map[string]connstat.Reason{
	"local": connstat.Local, "remote": connstat.Remote, "reset": connstat.Reset,
	"timeout": connstat.Timeout, "leaked": connstat.Leaked,
}

func wantReason(t *testing.T, c *conn, want string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reason != reasons[want] {
		t.Errorf("%s %v ended with reason %d, want %d (%s)", c.network, c.local, c.reason, reasons[want], want)
	}
}

func TestCloseByThisSide(t *testing.T) {
	r := record(t)
	a, b := pair(t, "tcp", "127.0.0.1:0")
	c, d := r.of(a), r.of(b)
	must(t, a.Close())
	if err := a.Close(); err == nil {
		t.Error("the second Close returned no error")
	}
	wantReason(t, c, "local")
	if n, err := b.Read(make([]byte, 1)); n != 0 || err != io.EOF { //nolint:errorlint // bare, as promised
		t.Error(n, err)
	}
	must(t, b.Close())
	wantReason(t, d, "remote")
	if c.leaked || c.closings != 2 {
		t.Errorf("closing told %d times, leaked %v", c.closings, c.leaked)
	}
	if got := r.of(a); got != c {
		t.Error("after Close there is no record")
	}
}

func TestReset(t *testing.T) {
	for _, by := range []string{"read", "write"} {
		t.Run(by, func(t *testing.T) {
			r := record(t)
			a, b := pair(t, "tcp", "127.0.0.1:0")
			must(t, b.(*net.TCPConn).SetLinger(0), b.Close())
			var err error
			if by == "read" {
				_, err = a.Read(make([]byte, 1))
			}
			for err == nil { // the kernel takes some bytes before it knows
				_, err = a.Write(make([]byte, 1))
			}
			must(t, a.Close())
			wantReason(t, r.of(a), "reset")
		})
	}
}

func TestTimeout(t *testing.T) {
	r := record(t)
	a, b := pair(t, "tcp", "127.0.0.1:0")
	must(t, a.SetReadDeadline(time.Now().Add(-time.Second)))
	if _, err := a.Read(make([]byte, 1)); err == nil {
		t.Fatal("no error after the deadline")
	}
	must(t, a.Close(), b.SetDeadline(time.Now().Add(-time.Second)))
	wantReason(t, r.of(a), "timeout")
	// A deadline that did not end it is no reason.
	_, _ = b.Read(make([]byte, 1))
	must(t, b.SetDeadline(time.Time{}))
	_, _ = b.Read(make([]byte, 1))
	must(t, b.Close())
	wantReason(t, r.of(b), "remote")
}

// Who sets a deadline after one passed goes on; net/http interrupts its reads
// so.
func TestDeadlineSetAnew(t *testing.T) {
	for name, set := range map[string]func(net.Conn) error{
		"SetDeadline":      func(c net.Conn) error { return c.SetDeadline(time.Time{}) },
		"SetReadDeadline":  func(c net.Conn) error { return c.SetReadDeadline(time.Time{}) },
		"SetWriteDeadline": func(c net.Conn) error { return c.SetWriteDeadline(time.Time{}) },
	} {
		t.Run(name, func(t *testing.T) {
			r := record(t)
			a, _ := pair(t, "tcp", "127.0.0.1:0")
			must(t, a.SetReadDeadline(time.Unix(1, 0)))
			if _, err := a.Read(make([]byte, 1)); err == nil {
				t.Fatal("no error after the deadline")
			}
			must(t, set(a), a.Close())
			wantReason(t, r.of(a), "local")
		})
	}
}

// CloseRead ends a read that waits, which is not the peer's doing.
func TestCloseReadIsNotThePeer(t *testing.T) {
	r := record(t)
	a, _ := pair(t, "tcp", "127.0.0.1:0")
	must(t, a.(*net.TCPConn).CloseRead())
	if n, err := a.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Fatal(n, err)
	}
	must(t, a.Close())
	wantReason(t, r.of(a), "local")
}

// A Read that Close interrupts is no error.
func TestCloseInterruptsRead(t *testing.T) {
	r := record(t)
	a, _ := pair(t, "tcp", "127.0.0.1:0")
	done := make(chan error, 1)
	go func() {
		_, err := a.Read(make([]byte, 1))
		done <- err
	}()
	time.Sleep(time.Millisecond) // the Read is to block; if it does not yet, the test is weaker
	must(t, a.Close())
	if err := <-done; err == nil {
		t.Error("the Read had no error")
	}
	wantReason(t, r.of(a), "local")
}

func TestHalfClose(t *testing.T) {
	r := record(t)
	a, b := pair(t, "tcp", "127.0.0.1:0")
	must(t, a.(*net.TCPConn).CloseWrite())
	_, err := io.Copy(io.Discard, b)
	must(t, err, b.(*net.TCPConn).CloseRead(), b.Close())
	_, err = io.Copy(io.Discard, a)
	must(t, err, a.Close())
	if got, want := r.of(a).halves, []connstat.Direction{connstat.Sent}; !slices.Equal(got, want) {
		t.Errorf("half-closed %v, want %v", got, want)
	}
	if got, want := r.of(b).halves, []connstat.Direction{connstat.Received}; !slices.Equal(got, want) {
		t.Errorf("half-closed %v, want %v", got, want)
	}
}

// A connection that nobody closes is told from one that somebody closed, and
// its descriptor is closed all the same.
func TestLeak(t *testing.T) {
	r := record(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	c := func() *conn {
		a, err := net.Dial("tcp", l.Addr().String())
		must(t, err)
		_, err = a.Write(make([]byte, 3))
		must(t, err)
		return r.of(a)
	}()
	b, err := l.Accept()
	must(t, err)
	defer b.Close()
	for stop := time.After(10 * time.Second); ; {
		runtime.GC()
		select {
		case <-c.ended:
		case <-time.After(10 * time.Millisecond):
			continue
		case <-stop:
			t.Fatal("not told of the leak")
		}
		break
	}
	wantReason(t, c, "leaked")
	if n, err := io.Copy(io.Discard, b); n != 3 || err != nil {
		t.Errorf("the other side got %d bytes, then %v", n, err)
	}
	moved(t, c, flow{}, flow{3, 1})
}

// Nothing of a connection is kept by its being counted.
func TestRecordDoesNotKeepTheConnection(t *testing.T) {
	record(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	gone := make(chan struct{})
	func() {
		a, err := net.Dial("tcp", l.Addr().String())
		must(t, err)
		runtime.AddCleanup(a.(*net.TCPConn), func(struct{}) { close(gone) }, struct{}{})
		must(t, a.Close())
	}()
	for stop := time.After(10 * time.Second); ; {
		runtime.GC()
		select {
		case <-gone:
			return
		case <-time.After(10 * time.Millisecond):
		case <-stop:
			t.Fatal("the connection is kept")
		}
	}
}
