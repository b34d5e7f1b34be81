package otelnetstats_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/netstats-go/netstats/internal/testnet"
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

// TestCloseUnderErrorsConcurrentSafe closes connections that had an error while
// another goroutine gets a worse one, as with what every broken connection sees.
func TestCloseUnderErrorsConcurrentSafe(t *testing.T) {
	rounds := 20_000
	if raced {
		rounds = 500
	}
	l := newSampledLab(t, recordOnly{})
	errs := []error{errors.New("other"), syscall.ETIMEDOUT, os.ErrDeadlineExceeded}
	var conn net.Conn
	testnet.Meet(rounds, func(round int) {
		if conn != nil && lookup(t, conn).CloseReason() == "" {
			t.Fatal("not ended")
		}
		conn = l.Register(t.Context(), &stub{
			read:  func([]byte) (int, error) { return 0, errs[round%len(errs)] },
			write: func([]byte) (int, error) { return 0, syscall.ECONNRESET },
		})
		_, _ = conn.Read(make([]byte, 1))
	}, func() { _ = conn.Close() }, func() { _, _ = conn.Write([]byte{1}) })
	l.wantNothingOpen(t)
}

// recordOnly has spans record and not be exported, so that they take no room.
type recordOnly struct{}

func (recordOnly) Description() string { return "record only" }
func (recordOnly) ShouldSample(sdktrace.SamplingParameters) sdktrace.SamplingResult {
	return sdktrace.SamplingResult{Decision: sdktrace.RecordOnly}
}

// TestResetAmidEverythingConcurrentSafe has the peer reset connections that are
// read, written, marked and closed, with deadlines that pass.
func TestResetAmidEverythingConcurrentSafe(t *testing.T) {
	l := newSampledLab(t, recordOnly{}, otelnetstats.WithCallback(everywhere(func(string, context.Context, *otelnetstats.Conn) {})))
	pair := trackedPair(t, "tcp", "127.0.0.1:0", nil)
	for range 20 {
		client, server, err := pair(l)
		must(t, err)
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				for {
					if _, err := client.Read(make([]byte, 100)); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
						return
					}
				}
			})
			wg.Go(func() {
				for {
					if _, err := client.Write(make([]byte, 1000)); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
						return
					}
				}
			})
		}
		wg.Go(func() {
			for i := range 50 {
				_ = client.SetDeadline(time.Now().Add(time.Duration(i) * time.Microsecond))
				_ = client.SetWriteDeadline(past)
				otelnetstats.Mark(context.Background(), client, "m") //nolint:usetesting // as programs do
			}
			_ = client.SetDeadline(time.Time{})
			_ = client.Close()
		})
		wg.Go(func() {
			_, _ = io.CopyN(io.Discard, server, 5000)
			_ = server.(interface{ SetLinger(sec int) error }).SetLinger(0)
			_ = server.Close()
		})
		wg.Wait()
		if r := lookup(t, client).CloseReason(); r == "" || r == otelnetstats.ClosedLeaked {
			t.Errorf("reason %q", r)
		}
	}
	l.wantNothingOpen(t)
}
