package verify

import (
	"context"
	"encoding/binary"
	"net"
	"sync/atomic"
	"testing"

	"github.com/netstats-go/netstats/internal/bridge"
)

// The resolver's sockets are counted, and known as parts of the dial.
func TestResolver(t *testing.T) {
	r := record(t)
	s, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	defer s.Close()
	var in, out atomic.Int64
	go serveDNS(s, []net.IP{{127, 0, 0, 1}}, &in, &out)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	d := net.Dialer{Resolver: asking(s.LocalAddr())}
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

// To put a name's addresses in order, the resolver connects a UDP socket to each,
// and sends nothing. These are no connections of the program's.
func TestProbesOfRoutes(t *testing.T) {
	r := record(t)
	s, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	defer s.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	addrs := []net.IP{{192, 0, 2, 1}} // last in order, but only if the routes are known
	for i := range byte(7) {
		addrs = append(addrs, net.IP{127, 0, 0, 1 + i})
	}
	go serveDNS(s, addrs, new(atomic.Int64), new(atomic.Int64))
	resolver := asking(s.LocalAddr())
	found, err := resolver.LookupHost(t.Context(), "eight.test.")
	must(t, err)
	if len(found) != 8 || found[0] != "127.0.0.1" || found[7] != "192.0.2.1" {
		t.Errorf("found %v", found)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	d := net.Dialer{Resolver: resolver}
	c, err := d.DialContext(t.Context(), "tcp", "eight.test.:"+port)
	must(t, err)
	defer c.Close()

	questions := 0
	for _, d := range r.dials {
		if d.network == "udp" && d.address == s.LocalAddr().String() {
			questions++
		} else if d != r.of(c).dial {
			t.Errorf("told of a dial of %s %s", d.network, d.address)
		}
	}
	if want := 2 * 2; questions != want { // A and AAAA, twice
		t.Errorf("%d dials of the server of names, want %d", questions, want)
	}
	sockets := r.all(func(c *conn) bool { return c.kind == bridge.Connected })
	for _, c := range sockets {
		if c.network == "udp" && c.remote.String() != s.LocalAddr().String() {
			t.Errorf("told of a socket to %s", c.remote)
		}
	}
	if want := questions + 1; len(sockets) != want {
		t.Errorf("%d connected sockets, want %d", len(sockets), want)
	}
	if len(r.fails) > 0 {
		t.Errorf("told of sockets that failed: %v", r.fails)
	}
}

// asking is a resolver that asks the given server.
func asking(server net.Addr) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.String())
	}}
}

// serveDNS answers questions for A with the addresses, others with nothing.
func serveDNS(s net.PacketConn, addrs []net.IP, in, out *atomic.Int64) {
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
		for _, ip := range addrs {
			if kind == 1 {
				answer[7]++
				answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4)
				answer = append(answer, ip...)
			}
		}
		out.Add(int64(len(answer)))
		if _, err := s.WriteTo(answer, from); err != nil {
			return
		}
	}
}
