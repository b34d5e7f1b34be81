package soak

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"time"

	"github.com/netstats-go/netstats/otelnetstats"
)

// A client opens connections, uses them and ends them in all ways there are.
type client struct {
	soak   *soak
	random *rand.Rand
}

func (c *client) run(ctx context.Context) {
	for ctx.Err() == nil {
		if c.random.IntN(20) == 0 {
			c.fail(ctx)
			continue
		}
		conn, err := c.open(ctx)
		if err != nil {
			continue // the network is slow, or time is up
		}
		c.use(ctx, conn)
		c.end(conn)
	}
}

// dialer is one that wraps, or one that leaves it to a capture.
func (c *client) dialer() otelnetstats.ContextDialer {
	if c.random.IntN(2) == 0 {
		return new(net.Dialer)
	}
	return &otelnetstats.Dialer{Tracker: c.soak.tracker}
}

func (c *client) open(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	servers := c.soak.servers
	switch d := c.dialer(); c.random.IntN(6) {
	case 0:
		return d.DialContext(ctx, "unix", servers.unix)
	case 1:
		return d.DialContext(ctx, "udp", servers.udp)
	case 2:
		conn, err := d.DialContext(ctx, "tcp", servers.tls)
		if err != nil {
			return nil, err
		}
		secure := tls.Client(conn, servers.config)
		if err := secure.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, err
		}
		return secure, nil
	case 3:
		conn, err := new(net.Dialer).DialContext(otelnetstats.ContextWithoutTracking(ctx), "tcp", servers.tcp)
		if err != nil {
			return nil, err
		}
		return c.soak.tracker.Register(ctx, conn), nil
	default:
		return d.DialContext(ctx, "tcp", servers.tcp)
	}
}

// fail dials what cannot be dialed, by names that a stranger may choose.
func (c *client) fail(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	names := []string{"127.0.0.1:1", "no.such.name.invalid:80", "a\xffb:443", strings.Repeat("x", 100_000) + ":80", fmt.Sprintf("n%d.invalid:80", c.random.IntN(1e6))}
	if conn, err := c.dialer().DialContext(ctx, "tcp", names[c.random.IntN(len(names))]); err == nil {
		conn.Close()
	}
}

var payload = bytes.Repeat([]byte("netstats"), 1<<14)

// use moves bytes in both directions, for the server sends back what it gets.
func (c *client) use(ctx context.Context, conn net.Conn) {
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	for range c.random.IntN(5) {
		size := 1 + c.random.IntN(1<<(1+c.random.IntN(10)))
		sent := make(chan error, 1)
		go func() { sent <- c.send(conn, payload[:size]) }()
		if conn.LocalAddr().Network() == "udp" {
			size = 1 // what is in one datagram
		}
		_, err := io.ReadAtLeast(conn, make([]byte, 1<<16), size)
		if err != nil {
			conn.SetDeadline(time.Unix(1, 0)) // so that what is sent does not wait
		}
		if <-sent != nil || err != nil {
			return
		}
		otelnetstats.Mark(ctx, conn, "answered")
		otelnetstats.StatsOf(conn)
		if c.random.IntN(10) == 0 {
			otelnetstats.ResetAll(conn)
		}
	}
}

// send sends b by one of the ways there are.
func (c *client) send(conn net.Conn, b []byte) error {
	switch len(b) % 3 {
	case 0:
		_, err := (&net.Buffers{b[:len(b)/2], b[len(b)/2:]}).WriteTo(conn)
		return err
	case 1:
		f, err := os.Open(c.soak.servers.file)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.CopyN(conn, f, int64(len(b)))
		return err
	}
	_, err := conn.Write(b)
	return err
}

// end ends a connection. One that is dropped is found by the garbage collector.
func (c *client) end(conn net.Conn) {
	switch c.random.IntN(8) {
	case 0: // dropped
		return
	case 1:
		if h, ok := conn.(interface{ CloseWrite() error }); ok {
			_ = h.CloseWrite()
		}
	case 2:
		if l, ok := conn.(interface{ SetLinger(sec int) error }); ok {
			_ = l.SetLinger(0)
		}
	case 3:
		_ = conn.SetReadDeadline(time.Unix(1, 0))
		_, _ = conn.Read(make([]byte, 1))
	case 4:
		go func() { _ = conn.Close() }()
	}
	_ = conn.Close()
}
