package otelnetstats_test

import (
	"net/http"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"github.com/netstats-go/netstats/otelnetstats"
)

// TestTransportLinksRequests: from the span of any request, new connection or pooled,
// a link leads to the connection's, and one leads back.
func TestTransportLinksRequests(t *testing.T) {
	eachProtocol(t, func(t *testing.T, p protocol) {
		l := newLab(t)
		s := p.site(t, http.HandlerFunc(hello))
		tr := l.Transport(s.base)
		var spans []trace.SpanContext
		var conns []*otelnetstats.Conn
		for _, name := range []string{"new", "pooled", "pooled again"} {
			ctx, span := l.span(t.Context(), name)
			q, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
			must(t, err)
			resp := do(t, tr, q)
			span.End()
			if resp.Proto != p.proto {
				t.Fatalf("the response is %s, want %s", resp.Proto, p.proto)
			}
			spans = append(spans, span.SpanContext())
			conns = append(conns, otelnetstats.ConnFromContext(resp.Request.Context()))
		}
		c := conns[0]
		if c == nil || conns[1] != c || conns[2] != c {
			t.Fatalf("the connections are %v, want one", conns)
		}
		if got, want := c.Requests(), (otelnetstats.Requests{Served: 3}); got != want {
			t.Errorf("requests %+v, want %+v", got, want)
		}
		tr.CloseIdleConnections()
		eventually(t, "the connection ends", func() bool { return c.CloseReason() != "" && len(l.ended("connection")) == 1 })
		connection := l.only(t, "connection")
		for i, name := range []string{"new", "pooled", "pooled again"} {
			var found int
			for _, s := range l.ended(name) {
				if s.Name() == name {
					found += linked(s.Links(), c.SpanContext())
				}
			}
			if found != 1 {
				t.Errorf("request %q: %d links to the connection, want 1", name, found)
			}
			if n := linked(connection.Links(), spans[i]); n != 1 {
				t.Errorf("connection: %d links to request %q, want 1", n, name)
			}
		}
		if n := len(connection.Links()); n != 4 { // and the dial's
			t.Errorf("connection: %d links, want 4", n)
		}
	})
}
