package otelnetstats_test

import (
	"context"
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/netstats-go/netstats/otelnetstats"
)

func TestConnFromContextOfNothing(t *testing.T) {
	for name, ctx := range map[string]context.Context{"none": nil, "no slot": t.Context(), "a slot": otelnetstats.ContextWithConn(t.Context())} {
		c := otelnetstats.ConnFromContext(ctx)
		if c != nil {
			t.Errorf("%s: %v, want nil", name, c)
		}
		c.Mark(t.Context(), "of nothing") // does nothing
		if got := c.Requests(); got != (otelnetstats.Requests{}) {
			t.Errorf("%s: requests %+v, want none", name, got)
		}
	}
}

// A library that returns no response leads to the connection by the context that it
// was given, after a redirect to that of the last hop.
func TestContextWithConn(t *testing.T) {
	l := newLab(t)
	last := protocols[0].site(t, http.HandlerFunc(hello))
	site := protocols[0].site(t, http.RedirectHandler(last.url, http.StatusFound))
	tr := l.Transport(nil)
	defer tr.CloseIdleConnections()
	library := func(ctx context.Context) error {
		q, err := http.NewRequestWithContext(ctx, http.MethodGet, site.url, nil)
		if err != nil {
			return err
		}
		resp, err := (&http.Client{Transport: tr}).Do(q)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
	ctx := otelnetstats.ContextWithConn(t.Context())
	must(t, library(ctx))
	if c := otelnetstats.ConnFromContext(ctx); c == nil || c.Address() != last.addr {
		t.Errorf("the connection leads to %v, want %v", c.Address(), last.addr)
	}
	must(t, library(t.Context()))
	if c := otelnetstats.ConnFromContext(t.Context()); c != nil {
		t.Errorf("a context from before has the connection to %v", c.Address())
	}
}

// A handler's requests to others do not change what its own connection is.
func TestConnContext(t *testing.T) {
	eachProtocol(t, func(t *testing.T, p protocol) {
		l := newLab(t)
		back := protocols[0].site(t, http.HandlerFunc(hello))
		tr := l.Transport(nil)
		defer tr.CloseIdleConnections()
		var mu sync.Mutex
		var conns []*otelnetstats.Conn
		handler := func(_ http.ResponseWriter, r *http.Request) {
			before := otelnetstats.ConnFromContext(r.Context())
			q, _ := http.NewRequestWithContext(r.Context(), http.MethodGet, back.url, nil)
			resp, err := tr.RoundTrip(q)
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			mu.Lock()
			defer mu.Unlock()
			conns = append(conns, before, otelnetstats.ConnFromContext(r.Context()), otelnetstats.ConnFromContext(resp.Request.Context()))
		}
		server := &http.Server{Handler: http.HandlerFunc(handler), ConnContext: otelnetstats.ConnContext}
		site := p.siteOn(t, l.Listener(listen(t, "tcp", "127.0.0.1:0")), server)
		get(t, site.base, site.url)
		site.base.CloseIdleConnections()
		mu.Lock()
		defer mu.Unlock()
		if len(conns) != 3 || conns[0] == nil || conns[0].Role() != "server" || conns[0] != conns[1] {
			t.Errorf("the connections of the handler are %v, want one of a server, twice", conns)
		}
		if conns[2] == nil || conns[2].Role() != "client" || conns[2].Address() != back.addr {
			t.Errorf("that of the handler's request is %v", conns[2])
		}
	})
	t.Run("not tracked", func(t *testing.T) {
		if ctx := otelnetstats.ConnContext(t.Context(), &stub{}); ctx != t.Context() {
			t.Error("a connection that is not tracked changes the context")
		}
	})
}
