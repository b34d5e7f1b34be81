package otelnetstats_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/netstats-go/netstats/otelnetstats"
)

// certificateFor is for the name "server.test", self-signed, until the given time.
func certificateFor(t *testing.T, until time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: until.Add(-time.Hour), NotAfter: until,
		DNSNames: []string{"server.test"}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	leaf, err := x509.ParseCertificate(der)
	must(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// TestTLSHandshakeMetric has handshakes that succeed, and fail, as they do in
// practice.
func TestTLSHandshakeMetric(t *testing.T) {
	const metric = "netstats.tls.handshake.duration"
	serveWith := func(config *tls.Config) func(t *testing.T) string {
		return func(t *testing.T) string {
			ln := tls.NewListener(listen(t, "tcp", "127.0.0.1:0"), config)
			serveOn(t, ln, echo)
			return ln.Addr().String()
		}
	}
	good, pool := certificate()
	expired := certificateFor(t, time.Now().Add(-time.Hour))
	expiredPool := x509.NewCertPool()
	expiredPool.AddCert(expired.Leaf)
	trusted := &tls.Config{Certificates: []tls.Certificate{good}}
	plain := func(handle func(net.Conn)) func(t *testing.T) string {
		return func(t *testing.T) string { return serve(t, handle) }
	}
	for _, test := range []struct {
		name   string
		server func(t *testing.T) (address string)
		client *tls.Config
		want   attribute.KeyValue
	}{
		{"TLS 1.3", serveWith(trusted), &tls.Config{RootCAs: pool}, attribute.String("tls.protocol.version", "1.3")},
		{"TLS 1.2", serveWith(trusted), &tls.Config{RootCAs: pool, MaxVersion: tls.VersionTLS12}, attribute.String("tls.protocol.version", "1.2")},
		{"expired", serveWith(&tls.Config{Certificates: []tls.Certificate{expired}}), &tls.Config{RootCAs: expiredPool}, attribute.String("error.type", "certificate_expired")},
		{"unknown authority", serveWith(trusted), &tls.Config{RootCAs: x509.NewCertPool()}, attribute.String("error.type", "certificate_unknown_authority")},
		{"wrong name", serveWith(trusted), &tls.Config{RootCAs: pool, ServerName: "other.test"}, attribute.String("error.type", "certificate_name_mismatch")},
		{"no TLS", plain(func(c net.Conn) { _, _ = c.Write([]byte("220 ready\r\n")); wait(c) }), &tls.Config{RootCAs: pool}, attribute.String("error.type", "not_tls")},
		{"silent", plain(wait), &tls.Config{RootCAs: pool}, attribute.String("error.type", "timeout")},
		{"closed", plain(func(c net.Conn) { _, _ = c.Read(make([]byte, 1<<16)) }), &tls.Config{RootCAs: pool}, attribute.String("error.type", "eof")},
		{"no certificate of the client's", serveWith(&tls.Config{Certificates: []tls.Certificate{good}, ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12}), &tls.Config{RootCAs: pool}, attribute.String("error.type", "tls_alert")},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLab(t)
			ctx := t.Context()
			if test.name == "silent" {
				short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
				defer cancel()
				ctx = short
			}
			if test.client.ServerName == "" {
				test.client.ServerName = "server.test"
			}
			address := test.server(t)
			conn, err := (&otelnetstats.Dialer{Tracker: l.Tracker}).TLS(test.client)(ctx, "tcp", address)
			if failed := test.want.Key == "error.type"; failed != (err != nil) {
				t.Fatalf("dial: %v", err)
			} else if !failed {
				conn.Close()
			}
			_, port := portOf(t, address)
			s := collect(t, l.cumulative)
			got := s.count(metric, test.want, attribute.String("server.address", "127.0.0.1"), attribute.Int("server.port", port), attribute.String("network.transport", "tcp"))
			if all := s.count(metric); got != 1 || all != 1 {
				t.Errorf("%d handshakes with %v, %d in all, want 1 and 1: %v", got, test.want, all, s.sets(metric))
			}
			if got := s.count("netstats.dial.duration", absent("error.type")); got != 1 {
				t.Errorf("%d dials that succeeded, want 1: a handshake is no part of them", got)
			}
			if got := events(l.only(t, "dial"), "netstats.tls"); len(got) != 1 {
				t.Errorf("%d TLS events, want 1", len(got))
			} else {
				got[0].want(t, "TLS event", test.want)
			}
		})
	}
}

func TestLookupMetric(t *testing.T) {
	const metric = "dns.lookup.duration"
	port, _ := portOf(t, serve(t, wait))
	names := serveNames(t, map[string][]net.IP{"server.test": {net.IPv4(127, 0, 0, 1)}})
	l := newLab(t, otelnetstats.WithMetricAttributes(attribute.String("site", "x")))
	d := &otelnetstats.Dialer{Tracker: l.Tracker, Name: "pool", Base: &net.Dialer{Resolver: resolver(names, nil)}}
	for range 3 {
		dial(t, d, "tcp4", "server.test:"+port)
	}
	dial(t, d, "tcp4", "127.0.0.1:"+port)
	if _, err := d.DialContext(t.Context(), "tcp4", "missing.test.:"+port); err == nil {
		t.Fatal("a name is found that does not exist")
	}
	s := collect(t, l.cumulative)
	site := attribute.String("site", "x")
	for want, n := range map[attribute.Set]int{
		attribute.NewSet(site, attribute.String("dns.question.name", "server.test")):                                                     3,
		attribute.NewSet(site, attribute.String("dns.question.name", "missing.test."), attribute.String("error.type", "host_not_found")): 1,
	} {
		if got := s.count(metric, want.ToSlice()...); got != n {
			t.Errorf("%d lookups with %v, want %d", got, want.ToSlice(), n)
		}
	}
	if got := len(s.sets(metric)); got != 2 {
		t.Errorf("%d sets, want 2: %v", got, s.sets(metric))
	}
	if got, want := events(l.ended("dial")[0], "netstats.dns")[0]["dns.question.name"].AsString(), "server.test"; got != want {
		t.Errorf("the event says that %q was looked up, want %q", got, want)
	}
}

// TestLookupsOfManyNames have a cap of their own: strangers choose names.
func TestLookupsOfManyNames(t *testing.T) {
	l := newLab(t, otelnetstats.WithMaxServers(8))
	d := &otelnetstats.Dialer{Tracker: l.Tracker, Base: &net.Dialer{Resolver: resolver(serveNames(t, nil), nil)}}
	for i := range 100 {
		if _, err := d.DialContext(t.Context(), "tcp4", fmt.Sprintf("n%d.test.:80", i)); err == nil {
			t.Fatal("a name is found that does not exist")
		}
	}
	s := collect(t, l.cumulative)
	if got := len(s.sets("dns.lookup.duration")); got != 3 {
		t.Errorf("%d sets, want 2 and one for all others: %v", got, s.sets("dns.lookup.duration"))
	}
	if got := s.count("dns.lookup.duration", attribute.String("dns.question.name", "_OTHER")); got != 98 {
		t.Errorf("%d lookups are counted together, want 98", got)
	}
}

// TestSeriesOfAServer counts what a client's server over TLS costs in a store of
// time series, where a histogram has one series for each bucket, its sum and its
// count.
func TestSeriesOfAServer(t *testing.T) {
	address, config := serveTLS(t)
	port, _ := portOf(t, address)
	config.ServerName = "server.test"
	l := newLab(t)
	names := serveNames(t, map[string][]net.IP{"server.test": {net.IPv4(127, 0, 0, 1)}})
	d := &otelnetstats.Dialer{Tracker: l.Tracker, Base: &net.Dialer{Resolver: resolver(names, nil)}}
	for range 3 {
		conn, err := d.TLS(config)(t.Context(), "tcp4", "server.test:"+port)
		must(t, err)
		send(t, conn, 1)
		receive(t, conn, 1)
		must(t, conn.Close())
	}
	if got, most := collect(t, l.cumulative).series(attribute.String("server.address", "server.test")), 45; got > most || got < 30 {
		t.Errorf("a server costs %d series, want 30 to %d", got, most)
	} else {
		t.Logf("a server costs %d series", got)
	}
	if got, want := collect(t, l.cumulative).series(attribute.String("dns.question.name", "server.test")), 17; got != want {
		t.Errorf("a name costs %d series, want %d", got, want)
	}
}

// series counts the time series that have an attribute.
func (s snapshot) series(of attribute.KeyValue) (n int) {
	for _, m := range s.Metrics {
		each := 1
		if h, ok := m.Data.(metricdata.Histogram[float64]); ok && len(h.DataPoints) > 0 {
			each = len(h.DataPoints[0].BucketCounts) + 2
		}
		for _, set := range s.sets(m.Name) {
			if has(set, []attribute.KeyValue{of}) {
				n += each
			}
		}
	}
	return n
}

// TestShortConnectionsAreToldFromLongerOnes: below a millisecond there is a bucket.
func TestShortConnectionsAreToldFromLongerOnes(t *testing.T) {
	l := newLab(t)
	l.Register(t.Context(), &stub{}).Close()
	h := collect(t, l.cumulative).histogram("netstats.client.connection.duration")[0]
	if h.Bounds[0] > .001 {
		t.Errorf("the first bucket ends at %v s, want 1 ms", h.Bounds[0])
	}
}

// TestTheCapIsVisible, as is that it was reached.
func TestTheCapIsVisible(t *testing.T) {
	l := newLab(t, otelnetstats.WithMaxServers(3))
	for i := range 5 {
		conn := l.Register(t.Context(), &stub{remote: &net.TCPAddr{IP: net.IPv4(192, 0, 2, byte(i)), Port: 80}})
		s := collect(t, l.cumulative)
		if got, want := s.sum("netstats.distinct_server.count"), int64(min(i+1, 3)); got != want {
			t.Errorf("%d servers: count is %d, want %d", i+1, got, want)
		}
		if got := s.sum("netstats.distinct_server.limit"); got != 3 {
			t.Errorf("limit is %d, want 3", got)
		}
		conn.Close()
	}
}
