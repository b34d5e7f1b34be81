package otelnetstats_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/netstats-go/netstats/otelnetstats"
)

// certificate is for the names "localhost" and "server.test", self-signed.
var certificate = sync.OnceValues(func() (tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "server.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost", "server.test"}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
})

// serveTLS echoes over TLS and returns a config that trusts the server.
func serveTLS(t testing.TB) (address string, config *tls.Config) {
	t.Helper()
	cert, pool := certificate()
	ln := tls.NewListener(listen(t, "tcp", "127.0.0.1:0"), &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"test/1"}})
	serveOn(t, ln, echo)
	return ln.Addr().String(), &tls.Config{RootCAs: pool, NextProtos: []string{"test/1"}}
}

func portOf(t testing.TB, address string) (text string, number int) {
	t.Helper()
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	number, err = net.LookupPort("tcp", text)
	if err != nil {
		t.Fatal(err)
	}
	return text, number
}

// events are those of a span, by name, in order.
func events(span sdktrace.ReadOnlySpan, name string) (found []attrs) {
	for _, e := range span.Events() {
		if e.Name == name {
			found = append(found, attrsOf(e.Attributes))
		}
	}
	return found
}

func wantDuration(t testing.TB, what string, a attrs) {
	t.Helper()
	if v, ok := a["netstats.duration"]; !ok || v.Type() != attribute.FLOAT64 || v.AsFloat64() < 0 || v.AsFloat64() > 60 {
		t.Errorf("%v: netstats.duration = %v, want seconds", what, v.AsInterface())
	}
}

func TestDialSpan(t *testing.T) {
	port, number := portOf(t, serve(t, wait))
	names := serveNames(t, map[string][]net.IP{"server.test": {net.IPv4(127, 0, 0, 1)}})
	sampler := newStarted()
	l := newSampledLab(t, sampler, otelnetstats.WithSpanAttributes(attribute.String("team", "storage")))
	d := &otelnetstats.Dialer{Tracker: l.Tracker, Name: "pool", Base: &net.Dialer{Resolver: resolver(names, nil)}}
	ctx, caller := l.span(t.Context(), "caller")
	conn, err := d.DialContext(ctx, "tcp", "server.test:"+port)
	if err != nil {
		t.Fatal(err)
	}
	caller.End()
	record := lookup(t, conn)
	span := l.only(t, "dial")
	conn.Close()

	if want := "dial server.test:" + port; span.Name() != want {
		t.Errorf("name %q, want %q", span.Name(), want)
	}
	if span.SpanKind() != trace.SpanKindInternal {
		t.Errorf("kind %v, want internal", span.SpanKind())
	}
	if span.Parent().SpanID() != caller.SpanContext().SpanID() {
		t.Error("the span is not the child of the caller's")
	}
	if scope := span.InstrumentationScope(); scope.Name != otelnetstats.ScopeName || scope.Version != otelnetstats.Version || !strings.HasPrefix(scope.SchemaURL, "https://opentelemetry.io/schemas/") {
		t.Errorf("scope %+v", scope)
	}
	if span.Status().Code != codes.Unset {
		t.Errorf("status %v, want unset", span.Status())
	}
	atStart := []attribute.KeyValue{
		attribute.String("network.transport", "tcp"), attribute.String("server.address", "server.test"), attribute.Int("server.port", number),
		attribute.String("netstats.dialer.name", "pool"), attribute.String("team", "storage"),
	}
	sampler.attrs["dial"].want(t, "at start", atStart...)
	if len(sampler.attrs["dial"]) != len(atStart) {
		t.Errorf("at start: %v, want %d attributes", sampler.attrs["dial"], len(atStart))
	}
	end := attrsOf(span.Attributes())
	end.want(t, "at end", atStart...)
	end.want(t, "at end", attribute.String("network.type", "ipv4"), attribute.String("network.peer.address", "127.0.0.1"), attribute.Int("network.peer.port", number), absent("error.type"))
	if len(end) != len(atStart)+3 {
		t.Errorf("at end: %v, want %d attributes", end, len(atStart)+3)
	}
	if links := span.Links(); len(links) != 1 || links[0].SpanContext.SpanID() != record.SpanContext().SpanID() {
		t.Errorf("links %v, want one to the connection span", links)
	}
	if got := len(span.Events()); got != 2 {
		t.Errorf("%d events, want dns and connect: %v", got, span.Events())
	}
	for _, e := range events(span, "netstats.dns") {
		wantDuration(t, "dns", e)
		e.want(t, "dns", attribute.Int("netstats.dns.addresses", 1), absent("error.type"))
	}
	for _, e := range events(span, "netstats.connect") {
		wantDuration(t, "connect", e)
		e.want(t, "connect", attribute.String("network.peer.address", "127.0.0.1"), attribute.Int("network.peer.port", number), absent("error.type"))
	}
}

// TestConnectEventsOfEachAddress dials a name whose first address is dead.
func TestConnectEventsOfEachAddress(t *testing.T) {
	port, number := portOf(t, serve(t, wait)) // on 127.0.0.1 only
	for name, ips := range map[string][]net.IP{
		"one family":   {net.IPv4(127, 0, 0, 2), net.IPv4(127, 0, 0, 1)},
		"two families": {net.IPv6loopback, net.IPv4(127, 0, 0, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			names := serveNames(t, map[string][]net.IP{"server.test": ips})
			l := newLab(t)
			d := &otelnetstats.Dialer{Tracker: l.Tracker, Base: &net.Dialer{Resolver: resolver(names, nil)}}
			dial(t, d, "tcp", "server.test:"+port).Close()
			span := l.only(t, "dial")
			dns := events(span, "netstats.dns")
			if len(dns) != 1 {
				t.Fatalf("%d dns events, want 1", len(dns))
			}
			dns[0].want(t, "dns", attribute.Int("netstats.dns.addresses", 2))
			connects := events(span, "netstats.connect")
			if len(connects) != 2 {
				t.Fatalf("%d connect events, want 2: %v", len(connects), connects)
			}
			for i, e := range connects {
				wantDuration(t, "connect", e)
				e.want(t, "connect", attribute.String("network.peer.address", ips[i].String()), attribute.Int("network.peer.port", number))
			}
			if _, failed := connects[0]["error.type"]; !failed {
				t.Error("the attempt at the dead address has no error.type")
			}
			connects[1].want(t, "connect", absent("error.type"))
			attrsOf(span.Attributes()).want(t, "span", attribute.String("network.peer.address", "127.0.0.1"), absent("error.type"))
			if got := collect(t, l.cumulative).count("netstats.dial.duration"); got != 1 {
				t.Errorf("dial.duration has %d recordings, want 1 for the whole dial", got)
			}
		})
	}
}

func TestDialSpanOfFailures(t *testing.T) {
	names := serveNames(t, nil)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, test := range []struct {
		name    string
		ctx     context.Context
		base    otelnetstats.ContextDialer
		address string
		typ     string
		event   string // that has error.type too
	}{
		{"refused", t.Context(), &net.Dialer{}, closedPort(t), "connection_refused", "netstats.connect"},
		{"no such name", t.Context(), &net.Dialer{Resolver: resolver(names, nil)}, "no.test:80", "host_not_found", "netstats.dns"},
		{"canceled", canceled, &net.Dialer{}, closedPort(t), "canceled", ""},
		{"timeout", t.Context(), &net.Dialer{Timeout: time.Nanosecond}, closedPort(t), "timeout", ""},
		{"name servers do not answer", t.Context(), &net.Dialer{Resolver: resolver(closedUDP(t), nil)}, "no.test:80", "", "netstats.dns"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLab(t)
			d := &otelnetstats.Dialer{Tracker: l.Tracker, Base: test.base}
			conn, err := d.DialContext(test.ctx, "tcp", test.address)
			if err == nil {
				conn.Close()
				t.Fatal("the dial succeeded")
			}
			span := l.only(t, "dial")
			if test.typ == "" {
				test.typ = attrsOf(span.Attributes())["error.type"].AsString()
			}
			want := attribute.String("error.type", test.typ)
			attrsOf(span.Attributes()).want(t, "span", want, absent("network.peer.address"), absent("network.type"))
			if got := span.Status(); got.Code != codes.Error || got.Description != err.Error() {
				t.Errorf("status %v, want the error's text %q", got, err)
			}
			if len(span.Links()) != 0 {
				t.Errorf("links %v, want none", span.Links())
			}
			for _, e := range span.Events() {
				if e.Name == "exception" {
					t.Error("an error was recorded as an exception event")
				}
			}
			if test.event != "" {
				found := events(span, test.event)
				if len(found) != 1 {
					t.Fatalf("%d %s events, want 1", len(found), test.event)
				}
				found[0].want(t, test.event, want)
			}
			s := collect(t, l.cumulative)
			if got := s.count("netstats.dial.duration", want); got != 1 {
				t.Errorf("dial.duration has %d recordings with %v, want 1", got, test.typ)
			}
			if got := s.count("netstats.dial.duration"); got != 1 {
				t.Errorf("dial.duration has %d recordings, want 1", got)
			}
			if got := s.sum("netstats.dial.active"); got != 0 {
				t.Errorf("dial.active = %d, want 0", got)
			}
		})
	}
}

// closedUDP is an address where no name server listens.
func closedUDP(t testing.TB) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	return conn.LocalAddr().String()
}

func TestDialSpanWithTLS(t *testing.T) {
	address, config := serveTLS(t)
	port, _ := portOf(t, address)
	config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	l := newLab(t)
	d := &otelnetstats.Dialer{Tracker: l.Tracker}
	for i, resumed := range []bool{false, true} {
		l.spans.Reset()
		conn, err := d.TLS(config)(t.Context(), "tcp", "localhost:"+port)
		if err != nil {
			t.Fatal(err)
		}
		secure, ok := conn.(*tls.Conn)
		if !ok {
			t.Fatalf("got a %T, want a *tls.Conn", conn)
		}
		if !secure.ConnectionState().HandshakeComplete {
			t.Error("the handshake is not complete")
		}
		found := events(l.only(t, "dial"), "netstats.tls")
		if len(found) != 1 {
			t.Fatalf("%d tls events, want 1", len(found))
		}
		wantDuration(t, "tls", found[0])
		found[0].want(t, "tls", attribute.String("tls.protocol.version", "1.3"), attribute.String("tls.next_protocol", "test/1"), attribute.Bool("tls.resumed", resumed), absent("error.type"))
		send(t, conn, 10)
		receive(t, conn, 10) // and the session ticket
		if s := statsOf(t, conn); s.Sent.Bytes < 300 || s.Received.Bytes < 300 {
			t.Errorf("%d sent, %d received: the handshake is not among it", s.Sent.Bytes, s.Received.Bytes)
		}
		if lap := mark(t, conn, "m"); lap.Sent == 0 {
			t.Error("Mark on the *tls.Conn counts nothing")
		}
		conn.Close()
		if n := len(l.ended("connection")); n != 1 {
			t.Errorf("%d connection spans ended in round %d", n, i)
		}
	}
	if config.ServerName != "" {
		t.Error("the caller's config was changed")
	}
}

func TestDialSpanOfAFailedHandshake(t *testing.T) {
	address, config := serveTLS(t)
	config.RootCAs = x509.NewCertPool()
	config.ServerName = "server.test"
	cb := new(tape)
	l := newLab(t, otelnetstats.WithCallback(cb))
	conn, err := (&otelnetstats.Dialer{Tracker: l.Tracker}).TLS(config)(t.Context(), "tcp", address)
	var unverified *tls.CertificateVerificationError
	if conn != nil || !errors.As(err, &unverified) {
		t.Fatalf("got %v, %v; want nil and a verification error", conn, err)
	}
	span := l.only(t, "dial")
	found := events(span, "netstats.tls")
	if len(found) != 1 {
		t.Fatalf("%d tls events, want 1", len(found))
	}
	typ := attribute.String("error.type", "certificate_unknown_authority")
	found[0].want(t, "tls", typ, absent("tls.protocol.version"))
	attrsOf(span.Attributes()).want(t, "span", typ, attribute.String("network.peer.address", "127.0.0.1"))
	if got := span.Status(); got.Code != codes.Error {
		t.Errorf("status %v, want an error", got)
	}
	l.only(t, "connection") // has ended
	s := collect(t, l.cumulative)
	if got := s.sum("netstats.client.connection.count"); got != 0 {
		t.Errorf("connection.count = %d, want 0", got)
	}
	if got := s.count("netstats.dial.duration", absent("error.type")); got != 1 {
		t.Errorf("dial.duration, which is without TLS, has %d recordings without error, want 1", got)
	}
	if !strings.Contains(cb.text(), "dialerror tcp "+address) {
		t.Errorf("callbacks:\n%s\nwant a dialerror", cb.text())
	}
}

// TestHandshakesEndWithTheContext has a server that does not answer.
func TestHandshakesEndWithTheContext(t *testing.T) {
	address := serve(t, wait)
	ctx, cancel := context.WithCancel(t.Context())
	for name, dial := range map[string]func(l *lab, d *net.Dialer) (net.Conn, error){
		"canceled": func(l *lab, d *net.Dialer) (net.Conn, error) {
			go cancel()
			return (&otelnetstats.Dialer{Tracker: l.Tracker, Base: d}).TLS(&tls.Config{ServerName: "server.test"})(ctx, "tcp", address)
		},
		"the net.Dialer's timeout": func(l *lab, d *net.Dialer) (net.Conn, error) {
			d.Timeout = 20 * time.Millisecond
			return (&otelnetstats.Dialer{Tracker: l.Tracker, Base: d}).TLS(&tls.Config{ServerName: "server.test"})(t.Context(), "tcp", address)
		},
		"a tls.Dialer's net.Dialer's deadline": func(l *lab, d *net.Dialer) (net.Conn, error) {
			d.Deadline = time.Now().Add(20 * time.Millisecond)
			return (&otelnetstats.Dialer{Tracker: l.Tracker, Base: &tls.Dialer{NetDialer: d}}).DialContext(t.Context(), "tcp", address)
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			conn, err := dial(l, new(net.Dialer))
			if conn != nil || !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, %v; want nil and the context's error", conn, err)
			}
			if got := collect(t, l.cumulative).sum("netstats.client.connection.count"); got != 0 {
				t.Errorf("connection.count = %d, want 0", got)
			}
		})
	}
}

// TestATLSDialerIsTakenApart has what it dials tracked below TLS.
func TestATLSDialerIsTakenApart(t *testing.T) {
	h := handleErrors(t)
	address, config := serveTLS(t)
	port, _ := portOf(t, address)
	for name, base := range map[string]*tls.Dialer{
		"with a NetDialer":    {NetDialer: &net.Dialer{Timeout: time.Minute}, Config: config},
		"without a NetDialer": {Config: config},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			conn := dial(t, &otelnetstats.Dialer{Tracker: l.Tracker, Base: base}, "tcp", "localhost:"+port)
			if _, ok := conn.(*tls.Conn); !ok {
				t.Fatalf("got a %T, want a *tls.Conn", conn)
			}
			send(t, conn, 3)
			receive(t, conn, 3)
			if s := statsOf(t, conn); s.Sent.Bytes < 200 {
				t.Errorf("%d sent: the handshake is not among it", s.Sent.Bytes)
			}
			conn.Close()
			if found := events(l.only(t, "dial"), "netstats.tls"); len(found) != 1 {
				t.Errorf("%d tls events, want 1", len(found))
			}
		})
	}
	h.want(t)
}

func TestATLSDialersErrorIsUnchanged(t *testing.T) {
	l := newLab(t)
	address := closedPort(t)
	_, want := new(tls.Dialer).DialContext(t.Context(), "tcp", address)
	_, err := (&otelnetstats.Dialer{Tracker: l.Tracker, Base: new(tls.Dialer)}).DialContext(t.Context(), "tcp", address)
	if err == nil || err.Error() != want.Error() {
		t.Errorf("error %v, want %v", err, want)
	}
}

// TestTheCallersHooksAreCalled has httptrace hooks in the caller's context.
func TestTheCallersHooksAreCalled(t *testing.T) {
	port, _ := portOf(t, serve(t, wait))
	names := serveNames(t, map[string][]net.IP{"server.test": {net.IPv4(127, 0, 0, 1)}})
	for name, sampler := range map[string]sdktrace.Sampler{"sampled": sdktrace.AlwaysSample(), "unsampled": sdktrace.NeverSample()} {
		t.Run(name, func(t *testing.T) {
			l := newSampledLab(t, sampler)
			d := &otelnetstats.Dialer{Tracker: l.Tracker, Base: &net.Dialer{Resolver: resolver(names, nil)}}
			called := hookCalls(t, func(ctx context.Context) {
				conn, err := d.DialContext(ctx, "tcp", "server.test:"+port)
				if err != nil {
					t.Fatal(err)
				}
				conn.Close()
			})
			if want := "DNSStart DNSDone ConnectStart ConnectDone"; called != want {
				t.Errorf("hooks called: %s; want %s", called, want)
			}
		})
	}
}

// hookCalls runs f with hooks in its context, and returns which were called.
func hookCalls(t testing.TB, f func(ctx context.Context)) string {
	t.Helper()
	var mu sync.Mutex
	var called []string
	note := func(name string) {
		mu.Lock()
		defer mu.Unlock()
		called = append(called, name)
	}
	f(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		DNSStart:     func(httptrace.DNSStartInfo) { note("DNSStart") },
		DNSDone:      func(httptrace.DNSDoneInfo) { note("DNSDone") },
		ConnectStart: func(string, string) { note("ConnectStart") },
		ConnectDone:  func(string, string, error) { note("ConnectDone") },
	}))
	mu.Lock()
	defer mu.Unlock()
	return strings.Join(called, " ")
}

// TestEventsOfADialAreBounded dials a name with many dead addresses.
func TestEventsOfADialAreBounded(t *testing.T) {
	var ips []net.IP
	for i := range 60 {
		ips = append(ips, net.IPv4(127, 0, 1, byte(i+1)))
	}
	port, _ := portOf(t, closedPort(t))
	l := newLab(t)
	base := otelnetstats.DialFunc(func(ctx context.Context, network, _ string) (net.Conn, error) {
		var err error
		for _, ip := range ips {
			if _, err = new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(ip.String(), port)); err == nil {
				t.Error("a dead address answers")
			}
		}
		return nil, err
	})
	if _, err := (&otelnetstats.Dialer{Tracker: l.Tracker, Base: base}).DialContext(t.Context(), "tcp", "many.test:1"); err == nil {
		t.Fatal("the dial succeeded")
	}
	span := l.only(t, "dial")
	if n := len(span.Events()); n == 0 || n > 128 || span.DroppedEvents() > 0 {
		t.Errorf("%d events, %d dropped by the SDK", n, span.DroppedEvents())
	}
}

func TestDialsOfAnUnsampledSpan(t *testing.T) {
	address := serve(t, echo)
	l := newSampledLab(t, sdktrace.ParentBased(sdktrace.NeverSample()))
	conn := dial(t, &otelnetstats.Dialer{Tracker: l.Tracker}, "tcp", address)
	send(t, conn, 3)
	conn.Close()
	if n := len(l.spans.Ended()); n != 0 {
		t.Errorf("%d spans", n)
	}
	s := collect(t, l.cumulative)
	if got := s.count("netstats.dial.duration"); got != 1 {
		t.Errorf("dial.duration has %d recordings, want 1", got)
	}
	if got := s.sum("netstats.client.io", transmitted); got != 3 {
		t.Errorf("io = %d, want 3", got)
	}
}

func TestDialIsActiveWhileItRuns(t *testing.T) {
	l := newLab(t)
	base := otelnetstats.DialFunc(func(context.Context, string, string) (net.Conn, error) {
		s := collect(t, l.cumulative)
		if got := s.sum("netstats.dial.active", attribute.String("server.address", "h"), attribute.Int("server.port", 1)); got != 1 {
			t.Errorf("dial.active = %d during the dial, want 1", got)
		}
		return nil, io.ErrUnexpectedEOF
	})
	if _, err := (&otelnetstats.Dialer{Tracker: l.Tracker, Base: base}).Dial("tcp", "h:1"); err != io.ErrUnexpectedEOF { //nolint:errorlint // the very error
		t.Errorf("error %v", err)
	}
	s := collect(t, l.cumulative)
	if got := s.sum("netstats.dial.active"); got != 0 {
		t.Errorf("dial.active = %d after the dial, want 0", got)
	}
	if got := len(s.sets("netstats.dial.active")); got != 1 {
		t.Errorf("%d streams of dial.active, want 1 that stays", got)
	}
}

// TestAPanickingBase lets the panic through, and counts right afterwards.
func TestAPanickingBase(t *testing.T) {
	l := newLab(t)
	base := otelnetstats.DialFunc(func(context.Context, string, string) (net.Conn, error) { panic("base") })
	func() {
		defer func() {
			if got := recover(); got != "base" {
				t.Errorf("recovered %v, want the base's panic", got)
			}
		}()
		_, _ = (&otelnetstats.Dialer{Tracker: l.Tracker, Base: base}).Dial("tcp", "h:1")
	}()
	if got := collect(t, l.cumulative).sum("netstats.dial.active"); got != 0 {
		t.Errorf("dial.active = %d, want 0", got)
	}
	if n := len(l.spans.Started()) - len(l.spans.Ended()); n != 0 {
		t.Errorf("%d dial spans never end", n)
	}
}

// TestConnectEventsAreBounded: a name may have any number of addresses.
func TestConnectEventsAreBounded(t *testing.T) {
	l := newLab(t)
	d := &otelnetstats.Dialer{Tracker: l.Tracker, Base: otelnetstats.DialFunc(func(ctx context.Context, network, _ string) (net.Conn, error) {
		hooks := httptrace.ContextClientTrace(ctx)
		for i := range 100 {
			addr := fmt.Sprintf("192.0.2.%d:1", i)
			hooks.ConnectStart(network, addr)
			hooks.ConnectDone(network, addr, nil)
		}
		return &stub{}, nil
	})}
	dial(t, d, "tcp", "h:1").Close()
	if got := len(l.only(t, "dial").Events()); got != 32 {
		t.Errorf("%d events, want 32", got)
	}
}
