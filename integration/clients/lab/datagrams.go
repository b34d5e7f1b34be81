package lab

import (
	"context"
	"net"
	"strconv"
	"sync"
	"testing"

	"github.com/netstats-go/netstats/otelnetstats"
)

// A datagrams is a relay for UDP.
type datagrams struct {
	conn    *net.UDPConn
	server  string
	running sync.WaitGroup

	mu    sync.Mutex
	flows map[string]*flow
}

// A flow is what one client sends and receives.
type flow struct {
	link
	upstream net.Conn
}

// from is a client's address, where link wants a connection.
type from struct {
	net.Conn
	addr net.Addr
}

func (f from) RemoteAddr() net.Addr { return f.addr }

// RelayPackets is Relay for UDP. The address is 127.0.0.1's.
func (w *Way) RelayPackets(server string) string {
	w.t.Helper()
	d := newDatagrams(w.t, server)
	w.datagrams = append(w.datagrams, d)
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(d.conn.LocalAddr().(*net.UDPAddr).Port))
}

func newDatagrams(t testing.TB, server string) *datagrams {
	t.Helper()
	// It is only the client's side that is to be captured.
	ctx := otelnetstats.ContextWithoutTracking(context.Background()) //nolint:usetesting // not to be cancelled with the test
	conn, err := new(net.ListenConfig).ListenPacket(ctx, "udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &datagrams{conn: conn.(*net.UDPConn), server: server, flows: make(map[string]*flow)}
	_ = d.conn.SetReadBuffer(1 << 22) // as much as the system gives
	d.running.Go(func() { d.pass(ctx, t) })
	return d
}

func (d *datagrams) pass(ctx context.Context, t testing.TB) {
	buf := make([]byte, 1<<16)
	for {
		n, addr, err := d.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		f := d.flow(ctx, t, addr)
		if f == nil {
			return
		}
		f.sent.Add(int64(n))
		_, _ = f.upstream.Write(buf[:n]) // a datagram may be lost
	}
}

func (d *datagrams) flow(ctx context.Context, t testing.TB, addr net.Addr) *flow {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.flows[addr.String()]
	if f != nil {
		return f
	}
	upstream, err := new(net.Dialer).DialContext(ctx, "udp", d.server)
	if err != nil {
		t.Error(err)
		return nil
	}
	f = &flow{upstream: upstream, link: link{client: from{addr: addr}}}
	d.flows[addr.String()] = f
	d.running.Go(func() {
		buf := make([]byte, 1<<16)
		for {
			n, err := upstream.Read(buf)
			if err != nil {
				return
			}
			f.received.Add(int64(n))
			if _, err := d.conn.WriteTo(buf[:n], addr); err != nil {
				return
			}
		}
	})
	return f
}

// close ends the relay. What a client did not read may have been lost.
func (d *datagrams) close() []*link {
	d.conn.Close()
	d.mu.Lock()
	var links []*link
	for _, f := range d.flows {
		f.upstream.Close()
		f.cut.Store(true)
		links = append(links, &f.link)
	}
	d.mu.Unlock()
	d.running.Wait()
	return links
}
