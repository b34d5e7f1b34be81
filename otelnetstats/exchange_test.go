package otelnetstats_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/attribute"

	"github.com/netstats-go/netstats/otelnetstats"
)

// TestRetriedRequest: a request that got a connection which was dead is linked to
// that and to the one that served it.
func TestRetriedRequest(t *testing.T) {
	l := newLab(t)
	site := closingAfterOne(t)
	tr := l.Transport(nil)
	get(t, tr, site)
	ctx, span := l.span(t.Context(), "retried")
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, site, nil)
	must(t, err)
	resp := do(t, tr, q)
	span.End()
	tr.CloseIdleConnections()
	eventually(t, "both connections have ended", func() bool { return len(l.ended("connection")) == 2 })
	served := otelnetstats.ConnFromContext(resp.Request.Context())
	for _, c := range l.ended("connection") {
		if n := linked(l.only(t, "retried").Links(), c.SpanContext()); n != 1 {
			t.Errorf("%d links to %v, want 1", n, c.SpanContext().SpanID())
		}
		attrsOf(c.Attributes()).want(t, "connection", attribute.Int("netstats.http.requests", map[bool]int{true: 1, false: 2}[c.SpanContext().Equal(served.SpanContext())]))
	}
	l.wantPool(t, "at the end", poolOf{first: 2, reused: 1})
}

// TestManyStreams: of 20 requests at once, each is linked to its connection.
func TestManyStreams(t *testing.T) {
	const requests = 20
	l := newLab(t)
	h := newHeld()
	site := protocols[2].site(t, h)
	tr := l.Transport(site.base)
	var wg sync.WaitGroup
	conns := make([]*otelnetstats.Conn, requests)
	for i := range conns {
		wg.Go(func() {
			ctx, span := l.span(t.Context(), fmt.Sprintf("request %02d", i))
			defer span.End()
			q, _ := http.NewRequestWithContext(ctx, http.MethodGet, site.url, nil)
			resp, err := tr.RoundTrip(q)
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			conns[i] = otelnetstats.ConnFromContext(resp.Request.Context())
		})
	}
	for range requests {
		<-h.asked
	}
	var active int
	for c := range l.Conns() {
		active += c.Requests().Active
	}
	if active != requests {
		t.Errorf("%d requests are on the connections, want %d", active, requests)
	}
	close(h.free)
	wg.Wait()
	tr.CloseIdleConnections()
	for i, c := range conns {
		if n := linked(l.only(t, fmt.Sprintf("request %02d", i)).Links(), c.SpanContext()); c == nil || n != 1 {
			t.Errorf("request %d: %d links to its connection, want 1", i, n)
		}
	}
	eventually(t, "the connections are closed", func() bool {
		tr.CloseIdleConnections() // also those that were dialed in vain
		return l.pool(t).idle == 0
	})
}

// TestHandshakeOfTransport: TLS is net/http's, and timed all the same.
func TestHandshakeOfTransport(t *testing.T) {
	const metric = "netstats.tls.handshake.duration"
	proxy := func(t *testing.T, _ *lab, base *http.Transport) {
		u, err := url.Parse(httpProxy(t, protocols[0]).url)
		must(t, err)
		base.Proxy = http.ProxyURL(u)
	}
	for name, test := range map[string]struct {
		p   protocol
		set func(t *testing.T, l *lab, base *http.Transport)
	}{
		"HTTP/1":  {protocols[1], nil},
		"HTTP/2":  {protocols[2], nil},
		"CONNECT": {protocols[2], proxy},
		"a DialTLSContext that leaves the handshake to net/http": {protocols[1], func(_ *testing.T, l *lab, base *http.Transport) {
			base.DialTLSContext = lazyTLS(l.WrapDial(nil), base.TLSClientConfig)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			site := test.p.site(t, http.HandlerFunc(hello))
			if test.set != nil {
				test.set(t, l, site.base)
			}
			tr := l.Transport(site.base)
			c := otelnetstats.ConnFromContext(get(t, tr, site.url).Request.Context())
			get(t, tr, site.url)
			setup := c.Setup()
			if setup.TLS.Version != tls.VersionTLS13 || setup.TLS.Duration <= 0 || setup.TLS.CertificateExpiry.IsZero() || setup.Total < setup.TLS.Duration {
				t.Errorf("setup %+v", setup)
			}
			if len(setup.Connects) != 1 {
				t.Errorf("%d attempts to connect, want 1", len(setup.Connects))
			}
			s := collect(t, l.cumulative)
			if n := s.count(metric, attribute.String("tls.protocol.version", "1.3")); n != 1 {
				t.Errorf("%d handshakes, want 1: %v", n, s.sets(metric))
			}
			tr.CloseIdleConnections()
			eventually(t, "the connection has ended", func() bool { return len(l.ended("connection")) == 1 })
			if got := events(l.only(t, "connection"), "netstats.tls"); len(got) != 1 {
				t.Errorf("%d TLS events on the connection, want 1", len(got))
			} else {
				got[0].want(t, "TLS event", attribute.String("tls.protocol.version", "1.3"))
			}
			if got := events(l.only(t, "dial"), "netstats.tls"); len(got) != 0 {
				t.Errorf("%d TLS events on the dial, want none", len(got))
			}
		})
	}
	t.Run("failed", func(t *testing.T) {
		l := newLab(t)
		site := protocols[1].site(t, http.HandlerFunc(hello))
		site.base.TLSClientConfig.RootCAs = x509.NewCertPool()
		q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, site.url, nil)
		must(t, err)
		if _, err := l.Transport(site.base).RoundTrip(q); err == nil {
			t.Fatal("nobody has signed the certificate, and yet there is a response")
		}
		if n := collect(t, l.cumulative).count(metric, attribute.String("error.type", "certificate_unknown_authority")); n != 1 {
			t.Errorf("%d failed handshakes, want 1", n)
		}
		l.wantPool(t, "at the end", poolOf{})
	})
}

func TestRequestMarks(t *testing.T) {
	all := []string{"request sent", "first byte", "body done"}
	eachProtocol(t, func(t *testing.T, p protocol) {
		l := newLab(t)
		site := p.site(t, http.HandlerFunc(hello))
		tr := l.Transport(site.base, otelnetstats.WithRequestMarks())
		ctx, span := l.span(t.Context(), "request")
		q, err := http.NewRequestWithContext(ctx, http.MethodGet, site.url, nil)
		must(t, err)
		c := otelnetstats.ConnFromContext(do(t, tr, q).Request.Context())
		span.End()
		var names []string
		for _, lap := range c.Stats().Marks {
			names = append(names, lap.Name)
			if len(lap.Attributes) != 0 {
				t.Errorf("%s: attributes %v, want none of a request alone", lap.Name, lap.Attributes)
			}
		}
		want := all
		if p.h2 && len(names) == 2 { // see WithRequestMarks
			want = all[1:]
		}
		if !slices.Equal(names, want) {
			t.Errorf("marks %q, want %q", names, want)
		}
		tr.CloseIdleConnections()
		eventually(t, "the connection has ended", func() bool { return len(l.ended("connection")) == 1 })
		if n := linked(l.only(t, "request").Links(), c.SpanContext()); n != 1 {
			t.Errorf("%d links to the connection, want 1", n)
		}
	})
	t.Run("shared", func(t *testing.T) {
		l := newLab(t)
		h := newHeld()
		site := protocols[2].site(t, h)
		tr := l.Transport(site.base, otelnetstats.WithRequestMarks())
		defer tr.CloseIdleConnections()
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() { get(t, tr, site.url) })
			<-h.asked
		}
		for c := range l.Conns() {
			var marks []otelnetstats.Lap
			eventually(t, "two requests are sent", func() bool {
				marks = c.Stats().Marks
				return len(marks) == 2
			})
			shared := slices.ContainsFunc(marks, func(lap otelnetstats.Lap) bool {
				return slices.Contains(lap.Attributes, attribute.Int("netstats.http.active_requests", 2))
			})
			if !shared {
				t.Errorf("marks %+v, want one that says that the connection is shared", marks)
			}
		}
		close(h.free)
		wg.Wait()
	})
}
