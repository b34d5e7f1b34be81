package otelnetstats_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/netstats-go/netstats/otelnetstats"
)

const (
	openConnections = "http.client.open_connections"
	pendingRequests = "netstats.http.client.connection.pending_requests"
	waitTime        = "netstats.http.client.connection.wait_time"
	httpRequests    = "netstats.http.client.requests"
)

var (
	active = attribute.String("http.connection.state", "active")
	idle   = attribute.String("http.connection.state", "idle")
	reused = attribute.Bool("netstats.http.connection.reused", true)
	first  = attribute.Bool("netstats.http.connection.reused", false)
)

// poolOf is what metrics say of the pool, in one line.
type poolOf struct{ active, idle, pending, first, reused int64 }

func (l *lab) pool(t testing.TB) poolOf {
	t.Helper()
	s := collect(t, l.cumulative)
	return poolOf{s.sum(openConnections, active), s.sum(openConnections, idle), s.sum(pendingRequests), s.sum(httpRequests, first), s.sum(httpRequests, reused)}
}

func (l *lab) wantPool(t testing.TB, when string, want poolOf) {
	t.Helper()
	if got := l.pool(t); got != want {
		t.Errorf("%s: %+v, want %+v", when, got, want)
	}
}

// held is a handler that answers when it is let go, and tells when it was asked.
type held struct{ asked, free chan struct{} }

func newHeld() held { return held{make(chan struct{}), make(chan struct{})} }

func (h held) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.asked <- struct{}{}
	<-h.free
	hello(w, r)
}

func TestPoolStates(t *testing.T) {
	eachProtocol(t, func(t *testing.T, p protocol) {
		const requests = 5
		l := newLab(t)
		h := newHeld()
		s := p.site(t, h)
		s.base.MaxIdleConnsPerHost = requests
		tr := l.Transport(s.base)
		var wg sync.WaitGroup
		ask := func() {
			wg.Go(func() {
				q, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url, nil)
				resp, err := tr.RoundTrip(q)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			})
			<-h.asked
		}
		ask() // so that HTTP/2 knows the connection when the others come
		for range requests - 1 {
			ask()
		}
		conns := int64(requests)
		if p.h2 {
			conns = l.pool(t).active
		}
		if p.tls && p.h2 && conns != 1 {
			t.Errorf("%d connections, want 1", conns)
		}
		l.wantPool(t, "while all are under way", poolOf{active: conns, first: conns, reused: requests - conns})
		close(h.free)
		wg.Wait()
		eventually(t, "all connections are idle", func() bool { return l.pool(t).active == 0 })
		l.wantPool(t, "when all are over", poolOf{idle: conns, first: conns, reused: requests - conns})
		for c := range l.Conns() {
			if n := c.Requests().Active; n != 0 {
				t.Errorf("a connection has %d requests, want 0", n)
			}
		}
		tr.CloseIdleConnections()
		eventually(t, "all connections are closed", func() bool { return l.pool(t).idle == 0 })
		l.wantPool(t, "when all are closed", poolOf{first: conns, reused: requests - conns})

		snap := collect(t, l.cumulative)
		_, port := portOf(t, s.addr)
		for _, name := range []string{openConnections, pendingRequests, waitTime, httpRequests} {
			sets := snap.sets(name)
			if len(sets) == 0 {
				t.Errorf("%s: there is none", name)
			}
			for _, set := range sets {
				attrsOf(set.ToSlice()).want(t, name, attribute.String("server.address", "127.0.0.1"), attribute.Int("server.port", port),
					absent("network.transport"), absent("network.type"), absent("netstats.dialer.name"))
			}
		}
		if n := snap.count(waitTime); int64(n) < conns {
			t.Errorf("%d requests have waited, want at least %d, for a dial", n, conns)
		}
	})
}

func TestPoolWaiting(t *testing.T) {
	l := newLab(t)
	h := newHeld()
	s := protocols[0].site(t, h)
	s.base.MaxConnsPerHost = 1
	tr := l.Transport(s.base, otelnetstats.WithTransportName("narrow"))
	defer tr.CloseIdleConnections()
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	for i := range 3 {
		wg.Go(func() {
			ctx := ctx
			if i == 0 {
				ctx = t.Context()
			}
			q, _ := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
			if resp, err := tr.RoundTrip(q); err == nil {
				resp.Body.Close()
			} else if i == 0 {
				t.Error(err)
			}
		})
		if i == 0 {
			<-h.asked
		}
	}
	eventually(t, "two wait", func() bool { return l.pool(t).pending == 2 })
	l.wantPool(t, "while two wait", poolOf{active: 1, pending: 2, first: 1})
	cancel()
	eventually(t, "they have given up", func() bool { return l.pool(t).pending == 0 })
	close(h.free)
	wg.Wait()
	snap := collect(t, l.cumulative)
	name := attribute.String("netstats.dialer.name", "narrow")
	if n := snap.count(waitTime, name, absent("error.type")); n != 1 {
		t.Errorf("%d requests waited and got a connection, want 1", n)
	}
	if n := snap.count(waitTime, name, attribute.String("error.type", "canceled")); n != 2 {
		t.Errorf("%d requests gave up, want 2: %v", n, snap.sets(waitTime))
	}
}

// TestPoolBodies: each cause that issues of pools come from shows in its numbers.
func TestPoolBodies(t *testing.T) {
	long := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) }
	ask := func(t *testing.T, tr http.RoundTripper, url string) *http.Response {
		q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		must(t, err)
		resp, err := tr.RoundTrip(q)
		must(t, err)
		return resp
	}
	eachProtocol(t, func(t *testing.T, p protocol) {
		t.Run("not closed", func(t *testing.T) {
			l := newLab(t)
			s := p.site(t, http.HandlerFunc(long))
			tr := l.Transport(s.base)
			resp := ask(t, tr, s.url)
			l.wantPool(t, "a body that is open", poolOf{active: 1, first: 1})
			resp.Body.Close()
			if p.h2 {
				l.wantPool(t, "a body that is closed", poolOf{idle: 1, first: 1})
			} else {
				eventually(t, "the connection is closed", func() bool { return l.pool(t) == poolOf{first: 1} })
			}
			tr.CloseIdleConnections()
		})
		t.Run("read to the end, not closed", func(t *testing.T) {
			l := newLab(t)
			s := p.site(t, http.HandlerFunc(long))
			tr := l.Transport(s.base)
			resp := ask(t, tr, s.url)
			_, err := io.Copy(io.Discard, resp.Body)
			must(t, err)
			l.wantPool(t, "a body that was read", poolOf{idle: 1, first: 1})
			tr.CloseIdleConnections()
		})
		t.Run("no body", func(t *testing.T) {
			l := newLab(t)
			s := p.site(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
			tr := l.Transport(s.base)
			if resp := ask(t, tr, s.url); strings.Contains(fmt.Sprintf("%T", resp.Body), "otelnetstats") {
				t.Errorf("the body is a %T, want that of net/http", resp.Body)
			}
			l.wantPool(t, "a response without a body", poolOf{idle: 1, first: 1})
			tr.CloseIdleConnections()
		})
		t.Run("failed", func(t *testing.T) {
			l := newLab(t)
			s := p.site(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
			tr := l.Transport(s.base)
			q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url, nil)
			must(t, err)
			if resp, err := tr.RoundTrip(q); err == nil {
				t.Errorf("the response is %s", resp.Status)
			}
			eventually(t, "nobody has a connection", func() bool { return l.pool(t).active == 0 })
			tr.CloseIdleConnections()
		})
	})
}

// A base whose own DialTLSContext returns a *tls.Conn has connections that cannot be
// tracked. They are in the pool's numbers, and it is said once.
func TestPoolOfStrangers(t *testing.T) {
	for _, p := range []protocol{protocols[1], protocols[2]} {
		t.Run(p.name, func(t *testing.T) {
			errs := handleErrors(t)
			l := newLab(t)
			s := p.site(t, http.HandlerFunc(hello))
			config := withNext(s.base.TLSClientConfig, map[bool]string{false: "http/1.1", true: "h2"}[p.h2])
			s.base.DialTLSContext = func(_ context.Context, network, address string) (net.Conn, error) {
				return tls.Dial(network, address, config)
			}
			tr := l.Transport(s.base)
			for range 3 {
				get(t, tr, s.url)
			}
			l.wantPool(t, "after three requests", poolOf{idle: 1, first: 1, reused: 2})
			if n := collect(t, l.cumulative).sum("netstats.client.connection.count"); n != 0 {
				t.Errorf("%d connections are tracked, want 0", n)
			}
			errs.want(t, "*tls.Conn cannot be tracked")
			tr.CloseIdleConnections()
			eventually(t, "the connection is closed", func() bool { return l.pool(t) == poolOf{first: 1, reused: 2} })
		})
	}
	t.Run("dialed by a Dialer", func(t *testing.T) {
		l := newLab(t)
		s := protocols[2].site(t, http.HandlerFunc(hello))
		s.base.DialTLSContext = (&otelnetstats.Dialer{Tracker: l.Tracker}).TLS(withNext(s.base.TLSClientConfig, "h2"))
		tr := l.Transport(s.base)
		resp := get(t, tr, s.url)
		if otelnetstats.ConnFromContext(resp.Request.Context()) == nil {
			t.Error("the connection is not known")
		}
		l.wantPool(t, "after a request", poolOf{idle: 1, first: 1})
		tr.CloseIdleConnections()
	})
}

// TestPoolSeries: what one server costs.
func TestPoolSeries(t *testing.T) {
	l := newSampledLab(t, sdktrace.NeverSample())
	s := protocols[2].site(t, http.HandlerFunc(hello))
	tr := l.Transport(s.base)
	get(t, tr, s.url)
	get(t, tr, s.url)
	tr.CloseIdleConnections()
	eventually(t, "the connection is closed", func() bool { return l.pool(t).idle == 0 })
	snap := collect(t, l.cumulative)
	series := 0
	for _, m := range snap.Metrics {
		if m.Name == "netstats.distinct_server.count" || m.Name == "netstats.distinct_server.limit" {
			continue // of the Tracker
		}
		series += len(snap.sets(m.Name))
		for _, h := range snap.histogram(m.Name) {
			series += len(h.Bounds) + 2 // buckets, and sum and count for the point
		}
	}
	t.Logf("%d series", series)
	if series > 52 {
		t.Errorf("%d series, want at most 52", series)
	}
}

func TestHTTPConnectionDuration(t *testing.T) {
	const name = "http.client.connection.duration"
	for _, asked := range []bool{false, true} {
		l := newLab(t)
		s := protocols[0].site(t, http.HandlerFunc(hello))
		var opts []otelnetstats.TransportOption
		if asked {
			opts = append(opts, otelnetstats.WithHTTPConnectionDuration())
		}
		tr := l.Transport(s.base, opts...)
		get(t, tr, s.url)
		tr.CloseIdleConnections()
		eventually(t, "the connection is closed", func() bool { return l.pool(t).idle == 0 })
		want := map[bool]int{true: 1}[asked]
		eventually(t, "it is recorded", func() bool { return collect(t, l.cumulative).count("netstats.client.connection.duration") == 1 })
		if n := collect(t, l.cumulative).count(name); n != want {
			t.Errorf("asked for: %v, %d durations, want %d", asked, n, want)
		}
	}
}
