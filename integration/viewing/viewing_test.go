// Package viewing has the tests of what users see in Jaeger and in Prometheus. They
// need the real programs; see the target viewing of the Makefile.
package viewing

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A backend is the server that the shop asks. It counts what it moves by itself.
type backend struct {
	address        string
	received, sent atomic.Int64
}

func startBackend(t *testing.T) *backend {
	t.Helper()
	b := new(backend)
	b.address = serve(t, b.handle)
	return b
}

// serve handles connections until the test ends.
func serve(t *testing.T, handle func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var wg sync.WaitGroup
	var open sync.Map
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			open.Store(c, nil)
			wg.Go(func() { defer c.Close(); handle(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		open.Range(func(c, _ any) bool { c.(net.Conn).Close(); return true })
		wg.Wait()
	})
	return l.Addr().String()
}

// handle does what the client orders, byte by byte.
func (b *backend) handle(c net.Conn) {
	head := make([]byte, 3)
	for {
		if n, err := io.ReadFull(c, head[:1]); err != nil {
			b.received.Add(int64(n))
			return
		}
		b.received.Add(1)
		switch head[0] {
		case 'e':
			n, _ := io.ReadFull(c, head[1:])
			body := make([]byte, int(head[1])<<8|int(head[2]))
			m, _ := io.ReadFull(c, body)
			b.received.Add(int64(n + m))
			m, _ = c.Write(body)
			b.sent.Add(int64(m))
		case 'r':
			_ = c.(*net.TCPConn).SetLinger(0)
			return
		case 'd':
			_ = deaf(c, 1200*time.Millisecond)
		default: // "c", and what is no order at all
			return
		}
	}
}

func silent(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// plain speaks first, and no TLS.
func plain(c net.Conn) {
	_, _ = io.WriteString(c, "220 plain.test at your service\r\n")
	silent(c)
}

// untrusted serves TLS with a certificate that nobody knows.
func untrusted(t *testing.T) (address string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"server.test"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	return serve(t, func(c net.Conn) { _ = tls.Server(c, config).Handshake(); silent(c) })
}

// wait waits until the shop is done.
func wait(t *testing.T, o order) {
	t.Helper()
	cmd, _ := spawn(t, o)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("the shop: %v", err)
	}
}

// TestMixed has all that can be seen of a day: spans by both protocols, metrics.
func TestMixed(t *testing.T) {
	j, p := startJaeger(t), startPrometheus(t)
	for _, protocol := range []string{"grpc", "http"} {
		t.Run(protocol, func(t *testing.T) {
			b := startBackend(t)
			o := order{
				Scenario: "mixed", Service: "shop-" + protocol, Requests: 40,
				Traces: j.otlpHTTP, GRPC: protocol == "grpc", Metrics: p.address,
				Backend: b.address, Silent: serve(t, silent), Secure: untrusted(t), Plain: serve(t, plain),
			}
			if o.GRPC {
				o.Traces = j.otlpGRPC
			}
			wait(t, o)
			var spans []*span
			eventually(t, 20*time.Second, "all spans arrive", func() bool {
				spans = j.find(t, o.Service, "", 1000)
				return len(named(spans, "connection ")) == 10 && len(named(spans, "dial ")) == 11
			})
			checkEnds(t, spans)
			checkLinks(t, j, spans)
			checkBothEnds(t, spans)
			checkBytes(t, b, spans)
			checkMetrics(t, p, b, o.Service)
		})
	}
}

// checkEnds: how connections ended, and dials.
func checkEnds(t *testing.T, spans []*span) {
	t.Helper()
	got := map[string]int{}
	for _, s := range named(spans, "connection ") {
		s.checkSums(t)
		key := s.Attributes.text("netstats.connection.close.reason") + " " + s.Attributes.text("error.type")
		if s.failed() {
			key += " failed"
		}
		got[key]++
	}
	want := map[string]int{
		"local ": 5, "remote ": 2, "reset connection_reset failed": 1, "timeout timeout failed": 1, "leaked leaked failed": 1,
	}
	for key, n := range want {
		if got[key] != n {
			t.Errorf("%d connections ended as %q, want %d: %v", got[key], key, n, got)
		}
	}
	types := map[string]int{}
	for _, s := range named(spans, "dial ") {
		if s.Attributes.text("netstats.caller") == "" {
			t.Errorf("%s does not say who dialed", s.Name)
		}
		if s.failed() {
			types[s.Attributes.text("error.type")]++
		}
	}
	for _, typ := range []string{"connection_refused", "host_not_found", "certificate_unknown_authority", "not_tls", "timeout"} {
		if types[typ] != 1 {
			t.Errorf("%d dials failed with %s, want 1: %v", types[typ], typ, types)
		}
	}
}

// checkLinks: each leads somewhere, and back.
func checkLinks(t *testing.T, j *jaeger, spans []*span) {
	t.Helper()
	linked := 0
	for _, s := range spans {
		for _, l := range s.Links {
			if !j.resolves(t, l.TraceID, l.SpanID) {
				t.Errorf("a link of %s leads nowhere", s.Name)
			}
		}
		if strings.HasPrefix(s.Name, "request ") && len(s.Links) > 0 {
			linked++
		}
	}
	if linked != 40 {
		t.Errorf("%d of 40 requests are linked to their connection", linked)
	}
}

// checkBothEnds: the client's span says where it is, so that the server's can be
// found.
func checkBothEnds(t *testing.T, spans []*span) {
	t.Helper()
	for _, server := range spans {
		if server.Attributes.text("netstats.connection.role") != "server" {
			continue
		}
		for _, client := range spans {
			if client.Attributes.text("netstats.connection.role") == "client" && client.Attributes.number("network.local.port") == server.Attributes.number("client.port") {
				return
			}
		}
	}
	t.Error("no span of a client has the port that the server's says")
}

// checkBytes: spans have what the backend saw.
func checkBytes(t *testing.T, b *backend, spans []*span) {
	t.Helper()
	var received, sent int64
	_, port, _ := net.SplitHostPort(b.address)
	for _, s := range named(spans, "connection 127.0.0.1:"+port) {
		received += s.Attributes.number("netstats.receive.size")
		sent += s.Attributes.number("netstats.transmit.size")
	}
	if received != b.sent.Load() {
		t.Errorf("spans have %d bytes received, the backend sent %d", received, b.sent.Load())
	}
	if sent != b.received.Load() {
		t.Errorf("spans have %d bytes sent, the backend received %d", sent, b.received.Load())
	}
}

func checkMetrics(t *testing.T, p *prometheus, b *backend, service string) {
	t.Helper()
	of := func(more string) string { return `{service_name="` + service + `"` + more + `}` }
	_, port, _ := net.SplitHostPort(b.address)
	p.want(t, `sum(netstats_client_io_bytes_total`+of(`,network_io_direction="receive",server_port="`+port+`"`)+`)`, float64(b.sent.Load()))
	for reason, n := range map[string]float64{"local": 4, "remote": 2, "reset": 1, "timeout": 1, "leaked": 1} {
		p.want(t, `sum(netstats_client_connection_closed_total`+of(`,netstats_connection_close_reason="`+reason+`"`)+`)`, n)
	}
	p.want(t, `sum(netstats_server_connection_closed_total`+of(``)+`)`, 1)
	p.want(t, `sum(netstats_server_connection_accepted_total`+of(``)+`)`, 1)
	p.want(t, `sum(netstats_client_connection_count`+of(``)+`)`, 0)
	for typ, n := range map[string]float64{"certificate_unknown_authority": 1, "not_tls": 1, "timeout": 1} {
		p.want(t, `sum(netstats_tls_handshake_duration_seconds_count`+of(`,error_type="`+typ+`"`)+`)`, n)
	}
	p.want(t, `sum(netstats_dial_duration_seconds_count`+of(`,error_type="connection_refused"`)+`)`, 1)
	p.want(t, `sum(dns_lookup_duration_seconds_count`+of(`,error_type="host_not_found",dns_question_name="missing.invalid"`)+`)`, 1)
	p.want(t, `count(netstats_client_tcp_rtt_seconds_sum`+of(`,server_port="`+port+`"`)+`)`, 1)
	p.want(t, `sum(netstats_client_tcp_retransmits_total`+of(``)+`)`, 0)
	n, _ := p.value(t, `count(`+of(`,__name__=~".+",server_port="`+port+`"`)+`)`)
	t.Logf("the backend, with connections that ended for five reasons, costs %v series", n)
}

// TestLong has a connection found while it is open, and what it leads to, also after
// the program was killed.
func TestLong(t *testing.T) {
	j := startJaeger(t)
	b := startBackend(t)
	cmd, lines := spawn(t, order{Scenario: "long", Service: "long", Traces: j.otlpGRPC, GRPC: true, Backend: b.address})
	if !lines.Scan() {
		t.Fatal("the shop does not open")
	}
	opened := time.Now()
	operation := "connection " + b.address
	time.Sleep(61*time.Second - time.Since(opened))
	found := j.find(t, "long", operation, 20)
	if len(found) != 1 {
		t.Fatalf("%d spans of an open connection are found after a minute, want 1", len(found))
	}
	part := found[0]
	part.checkSums(t)
	if got := part.Attributes.number("netstats.connection.part"); got != 1 {
		t.Errorf("it is part %d, want 1", got)
	}
	before := j.find(t, "long", "", 1000)
	checkResolved(t, j, before, part.End)
	must(t, cmd.Process.Kill())
	_ = cmd.Wait()
	checkResolved(t, j, before, part.End)
}

// checkResolved: what began before the end of the first part has links that lead
// somewhere.
func checkResolved(t *testing.T, j *jaeger, spans []*span, until nanos) {
	t.Helper()
	links := 0
	for _, s := range spans {
		if s.End > until {
			continue
		}
		for _, l := range s.Links {
			links++
			if !j.resolves(t, l.TraceID, l.SpanID) {
				t.Errorf("a link of %s leads nowhere", s.Name)
			}
		}
	}
	if links < 100 {
		t.Errorf("%d links, want one of each request and of the dial, and those back", links)
	}
}

// TestBurst has ten thousand parts due at once, and the default batch processor.
func TestBurst(t *testing.T) {
	j := startJaeger(t)
	const conns = 10_000
	wait(t, order{Scenario: "burst", Service: "burst", Traces: j.otlpGRPC, GRPC: true, Requests: conns})
	count := map[int64]int{}
	for _, s := range j.find(t, "burst", "", 3*conns) {
		count[s.Attributes.number("netstats.connection.part")]++
	}
	if count[1] != conns || count[2] != conns {
		t.Errorf("%d first and %d second parts arrived, want %d of each", count[1], count[2], conns)
	}
}
