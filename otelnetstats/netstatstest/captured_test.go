//go:build netstats_capture

package netstatstest_test

import (
	"context"
	"net"
	"net/http"
	"testing"

	"github.com/netstats-go/netstats/internal/testnet"
	"github.com/netstats-go/netstats/otelnetstats"
	"github.com/netstats-go/netstats/otelnetstats/netstatstest"
)

func init() { captureBuild = true }

// TestWhatNobodyGave has connections that the Watcher gave nobody a Dialer for.
func TestWhatNobodyGave(t *testing.T) {
	server := newServer(t)
	run(t, func(t *fakeT) {
		netstatstest.Watch(t, netstatstest.MaxDials(1), netstatstest.WaitForClose(0))
		for range 2 {
			client := &http.Client{Transport: new(http.Transport)}
			t.TB.Cleanup(client.CloseIdleConnections)
			fetch(t, client, server.URL)
		}
	}).fails("2 dials: the budget is MaxDials(1)", "2 leaked connections", "a client for each request", "captured_test.go:")
}

// TestParallelTests: both dial by package net itself, and only their contexts tell
// them apart.
func TestParallelTests(t *testing.T) {
	address := newServer(t).Listener.Addr().String()
	runNamed(t, "TestA", func(a *fakeT) {
		wa := netstatstest.Watch(a, netstatstest.MaxDials(1))
		runNamed(t, "TestB", func(b *fakeT) {
			wb := netstatstest.Watch(b, netstatstest.MaxDials(2))
			for _, w := range []*netstatstest.Watcher{wa, wb, wb} {
				conn, err := new(net.Dialer).DialContext(w.Context(), "tcp", address)
				testnet.Must(t, err)
				testnet.Must(t, conn.Close())
			}
		}).passes()
	}).passes()
}

func TestParallelTestsThatCannotBeToldApart(t *testing.T) {
	address := newServer(t).Listener.Addr().String()
	var b *fakeT
	a := runNamed(t, "TestA", func(a *fakeT) {
		netstatstest.Watch(a)
		b = runNamed(t, "TestB", func(b *fakeT) {
			netstatstest.Watch(b)
			conn, err := new(net.Dialer).DialContext(b.Context(), "tcp", address)
			testnet.Must(t, err)
			testnet.Must(t, conn.Close())
		})
	})
	a.fails("1 dial may be of this test or of TestB", "the Watcher's Context", "captured_test.go:")
	b.fails("1 dial may be of this test or of TestA")
}

// TestTheProgramCaptures: one capture can be on, and the test cannot have it.
func TestTheProgramCaptures(t *testing.T) {
	tracker, err := otelnetstats.New()
	testnet.Must(t, err)
	capture, err := tracker.Capture()
	testnet.Must(t, err)
	defer capture.Release()
	run(t, func(t *fakeT) { netstatstest.Watch(t) }).fails("the program captures its connections itself")
}

// TestANameIsLookedUp: the resolver's own sockets are no dials of the program's, but
// may be to strangers.
func TestANameIsLookedUp(t *testing.T) {
	l, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	testnet.Must(t, err)
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { // a nameserver that gives no answer
		_, _, _ = l.ReadFrom(make([]byte, 512))
		cancel()
	}()
	f := run(t, func(t *fakeT) {
		netstatstest.Watch(t, netstatstest.MaxDials(0), netstatstest.OnlyServers("192.0.2.1"))
		r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "udp", l.LocalAddr().String())
		}}
		_, _ = r.LookupHost(ctx, "example.com.")
	})
	f.fails("to " + l.LocalAddr().String() + ", which is not among OnlyServers")
	f.silent("MaxDials")
}
