package otelnetstats_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/netstats-go/netstats/otelnetstats"
)

// storm uses both ends of a connection in all ways at once and has each closed
// by several goroutines meanwhile.
func storm(ends ...net.Conn) {
	var wg sync.WaitGroup
	for _, c := range ends {
		wg.Go(func() { _, _ = io.Copy(io.Discard, c) })
		wg.Go(func() {
			b := make([]byte, 100)
			for {
				if _, err := c.Read(b); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
					return
				}
			}
		})
		for range 2 {
			wg.Go(func() {
				b := make([]byte, 1000)
				for {
					if _, err := c.Write(b); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
						return
					}
				}
			})
		}
		wg.Go(func() {
			for {
				if _, err := (&net.Buffers{make([]byte, 10), make([]byte, 20)}).WriteTo(c); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
					return
				}
			}
		})
		closing := make(chan struct{})
		wg.Go(func() { // deadlines
			for i := range 200 {
				_ = c.SetDeadline(time.Now().Add(time.Duration(i%5) * 10 * time.Microsecond))
				_ = c.SetReadDeadline(past)
				_ = c.SetDeadline(time.Time{})
				_, _ = otelnetstats.StatsOf(c)
			}
			if h, ok := c.(interface{ CloseWrite() error }); ok {
				_ = h.CloseWrite()
			}
			close(closing)
		})
		for range 3 {
			wg.Go(func() {
				<-closing
				_ = c.Close()
			})
		}
	}
	wg.Wait()
}

// TestLivesEndOnceConcurrentSafe has whatever happens at once end a connection
// once.
func TestLivesEndOnceConcurrentSafe(t *testing.T) {
	dir := shortDir(t)
	cert, pool := certificate()
	for name, pair := range map[string]makePair{
		"tcp":  trackedPair(t, "tcp", "127.0.0.1:0", nil),
		"unix": trackedPair(t, "unix", filepath.Join(dir, "s"), nil),
		"tls": trackedPair(t, "tcp", "127.0.0.1:0", &tls.Config{
			Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: "server.test",
		}),
		"pipe": func(l *lab) (net.Conn, net.Conn, error) {
			client, server := net.Pipe()
			return registered(l, client), registered(l, server), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			cb := new(balance)
			l := newLab(t, otelnetstats.WithCallback(cb))
			client, server, err := pair(l)
			must(t, err)
			storm(client, server)
			metrics := collect(t, l.cumulative)
			durations := 0
			for _, role := range []string{"client", "server"} {
				if n := metrics.sum("netstats." + role + ".connection.count"); n != 0 {
					t.Errorf("netstats.%s.connection.count = %d, want 0", role, n)
				}
				durations += metrics.count("netstats." + role + ".connection.duration")
			}
			if spans := len(l.ended("connection")); cb.opens.Load() != 2 || cb.closes.Load() != 2 || spans != 2 || durations != 2 {
				t.Errorf("%d opened, %d closed, %d spans, %d durations; want 2 of each", cb.opens.Load(), cb.closes.Load(), spans, durations)
			}
			for _, c := range []net.Conn{client, server} {
				if r := lookup(t, c); r.CloseReason() == "" || r.CloseReason() == otelnetstats.ClosedLeaked {
					t.Errorf("reason %q", r.CloseReason())
				}
			}
		})
	}
}

// TestShutdownAmidCloseConcurrentSafe has the Tracker end what is being closed.
func TestShutdownAmidCloseConcurrentSafe(t *testing.T) {
	cb := new(balance)
	l := newLab(t, otelnetstats.WithCallback(cb))
	pair := trackedPair(t, "tcp", "127.0.0.1:0", nil)
	var wg sync.WaitGroup
	for range 10 {
		client, server, err := pair(l)
		must(t, err)
		wg.Go(func() { storm(client, server) })
	}
	wg.Go(func() {
		if err := l.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
	wg.Wait()
	if spans := len(l.ended("connection")); cb.opens.Load() != 20 || cb.closes.Load() != 20 || spans != 20 {
		t.Errorf("%d opened, %d closed, %d spans; want 20 of each", cb.opens.Load(), cb.closes.Load(), spans)
	}
}
