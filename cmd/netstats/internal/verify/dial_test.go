package verify

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/netstats-go/netstats/internal/bridge"
	"github.com/netstats-go/netstats/internal/connstat"
)

func TestDialIsToldOf(t *testing.T) {
	r := record(t)
	a, _ := pair(t, "tcp", "127.0.0.1:0")
	if len(r.dials) != 1 {
		t.Fatalf("%d dials", len(r.dials))
	}
	d := r.dials[0]
	if d.network != "tcp" || d.address != a.RemoteAddr().String() || d.opened != &r.of(a).Record || d.err != nil || d.ends != 1 {
		t.Errorf("%+v", d)
	}
	c := r.of(a)
	if c.dial != d || c.kind != bridge.Connected || c.network != "tcp" ||
		c.local.String() != a.LocalAddr().String() || c.remote.String() != a.RemoteAddr().String() {
		t.Errorf("%+v", c)
	}
}

func TestDialFails(t *testing.T) {
	r := record(t)
	if _, err := net.Dial("tcp", "127.0.0.1:1"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatal(err)
	}
	if len(r.fails) != 1 || !errors.Is(r.fails[0], syscall.ECONNREFUSED) {
		t.Errorf("sockets failed: %v", r.fails)
	}
	if d := r.dials[0]; d.opened != nil || !errors.Is(d.err, syscall.ECONNREFUSED) || d.ends != 1 {
		t.Errorf("%+v", d)
	}
}

// DialTCP and its like begin and end a dial, too.
func TestTypedDials(t *testing.T) {
	r := record(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	tcp := l.Addr().(*net.TCPAddr)
	unix := &net.UnixAddr{Name: filepath.Join(t.TempDir(), "s"), Net: "unix"}
	ul, err := net.ListenUnix("unix", unix)
	must(t, err)
	defer ul.Close()
	for name, dial := range map[string]func() (net.Conn, error){
		"DialTCP":        func() (net.Conn, error) { return net.DialTCP("tcp", nil, tcp) },
		"DialUDP":        func() (net.Conn, error) { return net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(tcp.AddrPort())) },
		"DialUnix":       func() (net.Conn, error) { return net.DialUnix("unix", nil, unix) },
		"Dialer.DialTCP": func() (net.Conn, error) { return new(net.Dialer).DialTCP(t.Context(), "tcp", tcpZero, tcp.AddrPort()) },
	} {
		r.dials = nil
		c, err := dial()
		must(t, err)
		if len(r.dials) != 1 || r.dials[0].address != c.RemoteAddr().String() || r.dials[0].opened == nil || r.of(c).dial != r.dials[0] {
			t.Errorf("%s: %+v", name, r.dials)
		}
		must(t, c.Close())
	}
	r.dials = nil
	if c, err := net.DialTCP("tcp", nil, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}); err == nil || c != nil {
		t.Fatal(c, err)
	}
	if r.dials[0].opened != nil || r.dials[0].err == nil {
		t.Errorf("%+v", r.dials[0])
	}
}

type excluded struct{}

// The ctx of the caller reaches the socket, through all that lies between.
func TestContextReachesTheSocket(t *testing.T) {
	r := record(t)
	r.filter = func(ctx context.Context) bool { return ctx.Value(excluded{}) == nil }
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	c, err := new(net.Dialer).DialContext(context.WithValue(t.Context(), excluded{}, true), "tcp", l.Addr().String())
	must(t, err)
	defer c.Close()
	if got := bridge.RecordOf(c); got != nil {
		t.Error("a socket that was to be left alone has a record")
	}
	_, err = c.Write(make([]byte, 10))
	must(t, err)
	var lc net.ListenConfig
	l2, err := lc.Listen(context.WithValue(t.Context(), excluded{}, true), "tcp", "127.0.0.1:0")
	must(t, err, l2.Close())
	if n := len(r.all(func(*conn) bool { return true })); n != 1 { // the first listener
		t.Errorf("%d sockets counted", n)
	}
}

// A dial ends even if a function of the caller's panics.
func TestPanicInControlEndsTheDial(t *testing.T) {
	r := record(t)
	func() {
		defer func() {
			if got := recover(); got != "control" {
				t.Errorf("recovered %v", got)
			}
		}()
		d := net.Dialer{Control: func(string, string, syscall.RawConn) error { panic("control") }}
		_, _ = d.Dial("tcp", "127.0.0.1:1")
	}()
	if d := r.dials[0]; d.ends != 1 || d.opened != nil || d.err != nil {
		t.Errorf("%+v", d)
	}
}

// Hooks may dial; what they dial is told of as all else.
func TestHooksMayDial(t *testing.T) {
	r := record(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	depth := 0
	r.watch = func(*conn, connstat.Direction, int64) {
		if depth++; depth > 3 {
			return
		}
		c, err := net.Dial("tcp", l.Addr().String())
		must(t, err)
		_, err = c.Write(make([]byte, 1))
		must(t, err, c.Close())
	}
	c, err := net.Dial("tcp", l.Addr().String())
	must(t, err)
	defer c.Close()
	_, err = c.Write(make([]byte, 1))
	must(t, err)
	if depth != 4 {
		t.Errorf("depth %d", depth)
	}
}
