package verify

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"path/filepath"
	"sync/atomic"
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

// The resolver's sockets are counted, and known as parts of the dial.
func TestResolver(t *testing.T) {
	r := record(t)
	s, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	defer s.Close()
	var in, out atomic.Int64
	go serveDNS(s, &in, &out)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	d := net.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", s.LocalAddr().String())
	}}}
	c, err := d.DialContext(t.Context(), "tcp", "some.host.test:"+port)
	must(t, err)
	defer c.Close()
	if got := r.of(c).dial; got.address != "some.host.test:"+port || got.outer != nil {
		t.Errorf("%+v", got)
	}
	lookups := r.all(func(c *conn) bool { return c.network == "udp" && c.kind == bridge.Connected })
	var rx, tx int64
	for _, l := range lookups {
		received, sent := l.Flows()
		rx, tx = rx+received.Bytes, tx+sent.Bytes
		if l.dial.outer != r.of(c).dial {
			t.Errorf("a lookup's dial is %+v", l.dial)
		}
		wantReason(t, l, "local")
	}
	if len(lookups) == 0 || tx != in.Load() || rx != out.Load() {
		t.Errorf("%d lookups sent %d and received %d bytes; the server received %d and sent %d", len(lookups), tx, rx, in.Load(), out.Load())
	}
}

// serveDNS answers questions for A with 127.0.0.1, others with nothing.
func serveDNS(s net.PacketConn, in, out *atomic.Int64) {
	buf := make([]byte, 1500)
	for {
		n, from, err := s.ReadFrom(buf)
		if err != nil {
			return
		}
		in.Add(int64(n))
		end := 12
		for buf[end] != 0 {
			end += int(buf[end]) + 1
		}
		kind := binary.BigEndian.Uint16(buf[end+1:])
		answer := append([]byte{}, buf[:end+5]...)
		copy(answer[2:], []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0})
		if kind == 1 {
			answer[7] = 1
			answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 127, 0, 0, 1)
		}
		out.Add(int64(len(answer)))
		if _, err := s.WriteTo(answer, from); err != nil {
			return
		}
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
