package otelnetstats_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/netstats-go/netstats/internal/logevent"
	"github.com/netstats-go/netstats/otelnetstats"
)

// TestProvoke does what makes the package emit all that it can, for the comparison
// with the registry: what other tests bring about may change with them.
func TestProvoke(t *testing.T) {
	own := attribute.String("own", "1")
	l := newLab(t, otelnetstats.WithCaller(), logevent.NewOption(logWitness{seen}).(otelnetstats.Option), otelnetstats.WithMetricAttributes(own), otelnetstats.WithSpanAttributes(own))
	ctx, span := l.span(t.Context(), "caller")
	defer span.End()
	p := provocation{t, ctx, l.Tracker}
	p.markOverTLS()
	p.failedDials()
	p.resets()
	p.failedAccept()
	p.packets()
	p.manyTurns()
	p.requests()
	p.failedHandshakeOfARequest()
}

// requests makes two HTTP requests over one connection at once, marked, and one that
// no connection is to be had for.
func (p provocation) requests() {
	h := newHeld()
	site := protocols[2].site(p.t, h)
	tr := p.tracker.Transport(site.base, otelnetstats.WithTransportName("provoked"), otelnetstats.WithRequestMarks(), otelnetstats.WithHTTPConnectionDuration())
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { get(p.t, tr, site.url) })
		<-h.asked
	}
	close(h.free)
	wg.Wait()
	tr.CloseIdleConnections()
	if _, err := tr.RoundTrip(requestTo(p.t, "http://"+closedPort(p.t))); err == nil {
		p.t.Error("nobody listens, and yet there is a response")
	}
}

type provocation struct {
	t       *testing.T
	ctx     context.Context
	tracker *otelnetstats.Tracker
}

func (p provocation) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// failedHandshakeOfARequest fails while its connection is open: net/http closes it at
// the same time as it tells of the handshake.
func (p provocation) failedHandshakeOfARequest() {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	told := make(chan struct{})
	ctx := httptrace.WithClientTrace(p.ctx, &httptrace.ClientTrace{
		TLSHandshakeDone: func(tls.ConnectionState, error) { close(told) },
	})
	tr := p.tracker.Transport(&http.Transport{
		DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := p.tracker.WrapDial(nil)(ctx, network, address)
			p.must(err)
			return tls.Client(closedLate{conn, told}, &tls.Config{ServerName: "example.net"}), nil
		},
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
	p.must(err)
	if _, err := tr.RoundTrip(req); err == nil {
		p.t.Error("the certificate is trusted")
	}
}

// closedLate is a connection that closes when it is told.
type closedLate struct {
	net.Conn

	told <-chan struct{}
}

func (c closedLate) NetConn() net.Conn { return c.Conn }

func (c closedLate) Close() error {
	<-c.told
	return c.Conn.Close()
}

// markOverTLS reads, writes and marks on a TLS connection between a tracked
// client and a tracked server.
func (p provocation) markOverTLS() {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Listener = p.tracker.Listener(server.Listener)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // a handshake is to fail
	server.StartTLS()
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	p.must(err)
	roots := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	dialer := &otelnetstats.Dialer{Tracker: p.tracker, Name: "provoked"}

	// The certificate is for example.com, the name localhost has to be looked up.
	config := &tls.Config{RootCAs: roots, ServerName: "example.com", NextProtos: []string{"http/1.1"}}
	conn, err := dialer.TLS(config)(p.ctx, "tcp", "localhost:"+port)
	p.must(err)
	_, err = io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n")
	p.must(err)
	_, err = io.ReadAll(conn)
	p.must(err)
	if _, ok := otelnetstats.Mark(p.ctx, conn, "done"); !ok {
		p.t.Error("the connection is not tracked")
	}
	p.must(conn.Close())

	config.ServerName = "example.net"
	if _, err := dialer.TLS(config)(p.ctx, "tcp", "localhost:"+port); err == nil {
		p.t.Error("the handshake did not fail")
	}
}

// failedDials fails to look a name up, and to connect.
func (p provocation) failedDials() {
	down := errors.New("the network is down")
	dialer := &otelnetstats.Dialer{Tracker: p.tracker, Base: &net.Dialer{Resolver: &net.Resolver{
		PreferGo: true,
		Dial:     func(context.Context, string, string) (net.Conn, error) { return nil, down },
	}}}
	if _, err := dialer.DialContext(p.ctx, "tcp", "nobody.invalid:1"); err == nil {
		p.t.Error("a name was found")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	p.must(err)
	p.must(ln.Close())
	if _, err := dialer.DialContext(p.ctx, "tcp", ln.Addr().String()); err == nil {
		p.t.Error("nobody listens, and yet there is a connection")
	}
}

// resets has a connection reset on each side, after a mark of the server's.
func (p provocation) resets() {
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	p.must(err)
	defer plain.Close()
	tracked := p.tracker.Listener(plain)
	dialer := &otelnetstats.Dialer{Tracker: p.tracker}
	for _, byServer := range []bool{true, false} {
		client, err := dialer.DialContext(p.ctx, "tcp", plain.Addr().String())
		p.must(err)
		server, err := tracked.Accept()
		p.must(err)
		otelnetstats.Mark(p.ctx, server, "accepted")
		reset, other := client, server
		if byServer {
			reset, other = server, client
		}
		p.must(reset.(interface{ SetLinger(sec int) error }).SetLinger(0))
		p.must(reset.Close())
		_, err = other.Read(make([]byte, 1))
		if err == nil || errors.Is(err, io.EOF) {
			p.t.Errorf("the connection was not reset: %v", err)
		}
		p.must(other.Close())
	}
}

// failedAccept fails to accept.
func (p provocation) failedAccept() {
	ln := p.tracker.Listener(exhausted{})
	if _, err := ln.Accept(); err == nil {
		p.t.Error("the listener has accepted")
	}
}

// An exhausted listener is out of descriptors.
type exhausted struct{}

func (exhausted) Accept() (net.Conn, error) {
	return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
}
func (exhausted) Close() error   { return nil }
func (exhausted) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// manyTurns has more turns of direction than events are kept of.
func (p provocation) manyTurns() {
	conn := p.tracker.Register(p.ctx, &stub{})
	for range 100 {
		send(p.t, conn, 1)
		receive(p.t, conn, 1)
	}
	_ = conn.Close()
}

// packets sends one from a tracked client to a tracked server.
func (p provocation) packets() {
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	p.must(err)
	server := p.tracker.RegisterPacketConn(p.ctx, socket)
	defer server.Close()
	client, err := (&otelnetstats.Dialer{Tracker: p.tracker, Name: "provoked"}).DialContext(p.ctx, "udp", server.LocalAddr().String())
	p.must(err)
	defer client.Close()
	_, err = client.Write([]byte("tick"))
	p.must(err)
	p.must(server.SetReadDeadline(time.Now().Add(5 * time.Second)))
	_, _, err = server.ReadFrom(make([]byte, 10))
	p.must(err)
}
