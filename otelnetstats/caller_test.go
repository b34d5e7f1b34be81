package otelnetstats_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"go.opentelemetry.io/otel/attribute"

	"github.com/netstats-go/netstats/otelnetstats"
)

// here is this package, the first outside the standard library and our own.
const here = otelnetstats.ScopeName + "_test"

func TestCaller(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	address := server.Listener.Addr().String()
	l := newLab(t, otelnetstats.WithCaller())
	conn, err := (&otelnetstats.Dialer{Tracker: l.Tracker}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	plain, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	registered := l.Register(t.Context(), plain)
	defer registered.Close()
	for what, conn := range map[string]net.Conn{"dialed": conn, "registered": registered} {
		c, _ := otelnetstats.Lookup(conn)
		if got := c.Caller(); got != here {
			t.Errorf("%s: got caller %q, want %q", what, got, here)
		}
		_ = conn.Close()
	}
	for _, span := range l.ended("connection") {
		attrsOf(span.Attributes()).want(t, "span", attribute.String("netstats.caller", here))
	}
}

// A connection of a pool is dialed by the pool's goroutine.
func TestCallerOfPooled(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	var callers callerNotes
	tracker := newTracker(t, otelnetstats.WithCaller(), otelnetstats.WithCallback(&callers))
	transport := &http.Transport{DialContext: (&otelnetstats.Dialer{Tracker: tracker}).DialContext}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if len(callers.seen) != 1 || callers.seen[0] != "net/http" {
		t.Errorf("got callers %q, want net/http", callers.seen)
	}
}

type callerNotes struct {
	otelnetstats.NopCallback

	seen []string
}

func (n *callerNotes) Open(_ context.Context, c *otelnetstats.Conn) {
	n.seen = append(n.seen, c.Caller())
}

func TestCallerUnlessAsked(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	l := newLab(t)
	conn, err := (&otelnetstats.Dialer{Tracker: l.Tracker}).Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c, _ := otelnetstats.Lookup(conn)
	if got := c.Caller(); got != "" {
		t.Errorf("got caller %q unasked", got)
	}
	_ = conn.Close()
	attrsOf(l.only(t, "connection").Attributes()).want(t, "span", attribute.KeyValue{Key: "netstats.caller"})
	if got := (*otelnetstats.Conn)(nil).Caller(); got != "" {
		t.Errorf("got caller %q of a nil Conn", got)
	}
}
