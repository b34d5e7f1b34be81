package capture

import (
	"context"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/netstats-go/netstats/otelnetstats"
)

// A proxy passes connections on to a server, and counts what its clients sent
// and received. It closes no connection before its client does, so a client
// that reads to the end has received all that was counted.
type proxy struct {
	listener net.Listener
	server   string
	relays   sync.WaitGroup

	mu    sync.Mutex
	links []*link
}

// A link is a connection of a client.
type link struct {
	client         string // the client's address
	sent, received atomic.Int64
}

// counted adds up what is read from or written to a connection, and hides that
// it is a TCP connection: what is counted here does not depend on fast paths.
type counted struct {
	net.Conn
	read, written *atomic.Int64
}

func (c counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.read.Add(int64(n))
	return n, err
}

func (c counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.written.Add(int64(n))
	return n, err
}

// newProxy starts a proxy for the server at an address.
func newProxy(t *testing.T, server string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	p := &proxy{listener: l, server: server}
	p.relays.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			k := &link{client: client.RemoteAddr().String()}
			p.mu.Lock()
			p.links = append(p.links, k)
			p.mu.Unlock()
			p.relays.Go(func() { p.relay(t, client.(*net.TCPConn), k) })
		}
	})
	t.Cleanup(func() { l.Close() })
	return p
}

func (p *proxy) addr() string { return p.listener.Addr().String() }

func (p *proxy) relay(t *testing.T, client *net.TCPConn, k *link) {
	defer client.Close()
	// It is only the client's side that is to be captured.
	ctx := otelnetstats.ContextWithoutTracking(context.WithoutCancel(t.Context()))
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", p.server)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	server := conn.(*net.TCPConn)
	side := counted{client, &k.sent, &k.received}
	var back sync.WaitGroup
	back.Go(func() {
		io.Copy(side, server)
		client.CloseWrite()
	})
	io.Copy(server, side)
	io.Copy(io.Discard, side) // if the server was the first to go
	server.CloseWrite()
	back.Wait()
}

// close waits until all connections have ended, and returns them.
func (p *proxy) close() []*link {
	p.listener.Close()
	p.relays.Wait()
	return slices.Clone(p.links)
}
