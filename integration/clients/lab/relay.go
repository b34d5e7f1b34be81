package lab

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/netstats-go/netstats/otelnetstats"
)

// A relay passes connections on to a server, and counts what its clients sent
// and received. It closes no connection before its client does, so a client
// that reads to the end has received all that was counted.
type relay struct {
	listeners []net.Listener
	server    string
	running   sync.WaitGroup
	hangups   atomic.Int64 // connections that the server has closed

	mu    sync.Mutex
	links []*link
}

// A link is a connection of a client.
type link struct {
	client         net.Conn
	sent, received atomic.Int64
	// cut is set if one side closed before all had arrived: what the client did not
	// read is counted as received all the same, and what the relay did not is not
	// counted as sent.
	cut atomic.Bool
}

func (k *link) name() string { return k.client.RemoteAddr().String() }

// counted counts what the relay reads from a client and writes to it, and hides
// that it is a TCP connection: what is counted does not depend on fast paths.
type counted struct {
	net.Conn
	*link
}

func (c counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.sent.Add(int64(n))
	c.note(err)
	return n, err
}

func (c counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.received.Add(int64(n))
	c.note(err)
	return n, err
}

func (k *link) note(err error) {
	if err != nil && !errors.Is(err, io.EOF) {
		k.cut.Store(true)
	}
}

// newRelay starts a relay for the server at an address, on all addresses that
// localhost has.
func newRelay(t testing.TB, server string) *relay {
	t.Helper()
	r := &relay{server: server}
	for _, l := range listen(t) {
		r.listeners = append(r.listeners, l)
		r.running.Go(func() { r.accept(l) })
	}
	return r
}

// listen listens to the same port of 127.0.0.1 and, if there is one, of ::1.
func listen(t testing.TB) []net.Listener {
	t.Helper()
	for range 100 {
		v4, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		v6, err := net.Listen("tcp6", net.JoinHostPort("::1", strconv.Itoa(v4.Addr().(*net.TCPAddr).Port)))
		if err == nil {
			return []net.Listener{v4, v6}
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return []net.Listener{v4} // no IPv6 here
		}
		v4.Close()
	}
	t.Fatal("no port is free on both 127.0.0.1 and ::1")
	return nil
}

func (r *relay) port() int { return r.listeners[0].Addr().(*net.TCPAddr).Port }

func (r *relay) accept(l net.Listener) {
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		k := &link{client: client}
		r.mu.Lock()
		r.links = append(r.links, k)
		r.mu.Unlock()
		r.running.Go(func() { r.pass(k) })
	}
}

// pass copies between a client and the server until both have ended.
func (r *relay) pass(k *link) {
	client := k.client.(*net.TCPConn)
	defer client.Close()
	// It is only the client's side that is to be captured.
	ctx := otelnetstats.ContextWithoutTracking(context.Background())
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", r.server)
	if err != nil {
		k.cut.Store(true) // as a server that is gone does
		return
	}
	defer conn.Close()
	server := conn.(*net.TCPConn)
	side := counted{client, k}
	var back sync.WaitGroup
	back.Go(func() {
		io.Copy(side, server)
		k.note(client.CloseWrite())
		r.hangups.Add(1)
	})
	io.Copy(server, side)
	io.Copy(io.Discard, side) // if the server was the first to go
	server.CloseWrite()
	back.Wait()
	if failed(client) {
		k.cut.Store(true)
	}
}

// failed reports whether the kernel has an error for a connection.
func failed(c *net.TCPConn) bool {
	raw, err := c.SyscallConn()
	if err != nil {
		return true
	}
	var code int
	err2 := raw.Control(func(fd uintptr) {
		code, err = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_ERROR)
	})
	return err != nil || err2 != nil || code != 0
}

// end ends the clients' connections from the server's side: with a reset, or in
// good order.
func (r *relay) end(reset bool) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, k := range r.links {
		client := k.client.(*net.TCPConn)
		var err error
		if reset {
			client.SetLinger(0)
			k.cut.Store(true)
			err = client.Close()
		} else {
			err = client.CloseWrite()
		}
		if err == nil {
			n++
		}
	}
	return n
}

// close waits until all connections have ended, and returns them. Those that a
// client leaves open are ended at last, and their number is returned.
func (r *relay) close() (links []*link, left int) {
	for _, l := range r.listeners {
		l.Close()
	}
	ended := make(chan struct{})
	go func() {
		r.running.Wait()
		close(ended)
	}()
	if !within(patience, ended) {
		left = r.end(true)
		<-ended
	}
	return r.links, left
}
