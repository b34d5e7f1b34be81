package otelnetstats_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http/httptrace"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/netstats-go/netstats/otelnetstats"
)

// checkSetup checks the steps of a dial: how many names were looked up, and which
// addresses were tried, the last one with success.
func checkSetup(t *testing.T, s otelnetstats.Setup, lookups int, connects ...string) {
	t.Helper()
	if s.Start.IsZero() || s.Total <= 0 || s.Total > time.Minute {
		t.Errorf("the dial began at %v and took %v", s.Start, s.Total)
	}
	if len(s.Lookups) != lookups {
		t.Errorf("%d lookups, want %d: %+v", len(s.Lookups), lookups, s.Lookups)
	}
	for _, l := range s.Lookups {
		if l.Start.Before(s.Start) || l.Duration <= 0 || l.Duration > s.Total || l.Err != nil || l.Addresses == 0 {
			t.Errorf("lookup %+v in a dial of %v from %v", l, s.Total, s.Start)
		}
	}
	if len(s.Connects) != len(connects) {
		t.Fatalf("connects %+v, want %q", s.Connects, connects)
	}
	for i, c := range s.Connects {
		if c.Address != connects[i] || c.Network != "tcp" {
			t.Errorf("connect to %s %s, want tcp %s", c.Network, c.Address, connects[i])
		}
		if c.Start.Before(s.Start) || c.Duration <= 0 || c.Duration > s.Total {
			t.Errorf("connect %+v in a dial of %v from %v", c, s.Total, s.Start)
		}
		if last := i == len(connects)-1; last != (c.Err == nil) {
			t.Errorf("connect %d of %d: %v", i+1, len(connects), c.Err)
		}
	}
}

// TestSetup: the steps of a dial are the same whether or not a span records, but
// for a dial function that dials an address.
func TestSetup(t *testing.T) {
	address := serve(t, wait)
	port, _ := portOf(t, address)
	names := serveNames(t, map[string][]net.IP{"server.test": {net.IPv4(127, 0, 0, 2), net.IPv4(127, 0, 0, 1)}})
	for name, sampler := range map[string]sdktrace.Sampler{"recording": sdktrace.AlwaysSample(), "unsampled": sdktrace.NeverSample()} {
		t.Run(name, func(t *testing.T) {
			cb := &hooks{}
			var atOpen otelnetstats.Setup
			cb.open = func(_ context.Context, c *otelnetstats.Conn) { atOpen = c.Setup() }
			l := newSampledLab(t, sampler, otelnetstats.WithCallback(cb))
			setup := func(base otelnetstats.ContextDialer, address string) otelnetstats.Setup {
				conn := dial(t, &otelnetstats.Dialer{Tracker: l.Tracker, Base: base}, "tcp", address)
				defer conn.Close()
				return lookup(t, conn).Setup()
			}
			t.Run("address", func(t *testing.T) {
				checkSetup(t, setup(nil, address), 0, address)
				checkSetup(t, atOpen, 0, address)
			})
			t.Run("name", func(t *testing.T) {
				base := &net.Dialer{Resolver: resolver(names, nil)}
				checkSetup(t, setup(base, "server.test:"+port), 1, "127.0.0.2:"+port, address)
				checkSetup(t, atOpen, 1, "127.0.0.2:"+port, address)
			})
			t.Run("dial function, name", func(t *testing.T) {
				base := otelnetstats.DialFunc((&net.Dialer{Resolver: resolver(names, nil)}).DialContext)
				checkSetup(t, setup(base, "server.test:"+port), 1, "127.0.0.2:"+port, address)
			})
			t.Run("dial function, address", func(t *testing.T) {
				s := setup(otelnetstats.DialFunc(new(net.Dialer).DialContext), address)
				if name == "recording" {
					checkSetup(t, s, 0, address)
				} else {
					checkSetup(t, s, 0)
				}
			})
			t.Run("nested", func(t *testing.T) {
				inner := &otelnetstats.Dialer{Tracker: l.Tracker, Base: &net.Dialer{Resolver: resolver(names, nil)}}
				proxied := otelnetstats.DialFunc(func(ctx context.Context, network, _ string) (net.Conn, error) {
					return inner.DialContext(ctx, network, "server.test:"+port)
				})
				checkSetup(t, setup(proxied, "behind.test:1"), 1, "127.0.0.2:"+port, address)
			})
		})
	}
}

func TestSetupOfTLS(t *testing.T) {
	address, config := serveTLS(t)
	config.ServerName = "server.test"
	cert, _ := certificate()
	for name, sampler := range map[string]sdktrace.Sampler{"recording": sdktrace.AlwaysSample(), "unsampled": sdktrace.NeverSample()} {
		t.Run(name, func(t *testing.T) {
			l := newSampledLab(t, sampler)
			conn, err := (&otelnetstats.Dialer{Tracker: l.Tracker}).TLS(config)(t.Context(), "tcp", address)
			must(t, err)
			defer conn.Close()
			s := lookup(t, conn).Setup()
			checkSetup(t, s, 0, address)
			want, got := conn.(*tls.Conn).ConnectionState(), s.TLS
			if got.Duration <= 0 || got.Duration > s.Total || got.Start.Before(s.Connects[0].Start.Add(s.Connects[0].Duration)) || got.Err != nil {
				t.Errorf("handshake %+v in a dial of %v from %v", got, s.Total, s.Start)
			}
			if got.Version != want.Version || got.CipherSuite != want.CipherSuite || got.Group != want.CurveID || got.NextProtocol != "test/1" || got.Resumed {
				t.Errorf("handshake %+v, want the facts of %+v", got, want)
			}
			if !got.CertificateExpiry.Equal(cert.Leaf.NotAfter) {
				t.Errorf("the certificate expires at %v, want %v", got.CertificateExpiry, cert.Leaf.NotAfter)
			}
		})
	}
}

// TestTheFirstCertificateToExpire is the one that counts.
func TestTheFirstCertificateToExpire(t *testing.T) {
	early, late := certificateFor(t, time.Now().Add(time.Hour)), certificateFor(t, time.Now().Add(10*time.Hour))
	chain := tls.Certificate{Certificate: [][]byte{early.Certificate[0], late.Certificate[0]}, PrivateKey: early.PrivateKey}
	ln := tls.NewListener(listen(t, "tcp", "127.0.0.1:0"), &tls.Config{Certificates: []tls.Certificate{chain}})
	serveOn(t, ln, echo)
	roots := x509.NewCertPool()
	roots.AddCert(early.Leaf)
	l := newLab(t)
	conn, err := (&otelnetstats.Dialer{Tracker: l.Tracker}).TLS(&tls.Config{RootCAs: roots, ServerName: "server.test"})(t.Context(), "tcp", ln.Addr().String())
	must(t, err)
	defer conn.Close()
	if got := lookup(t, conn).Setup().TLS.CertificateExpiry; !got.Equal(early.Leaf.NotAfter) {
		t.Errorf("expires at %v, want %v", got, early.Leaf.NotAfter)
	}
}

// TestSetupOfTheDialThatConnected, not of one around it that it knows nothing of.
func TestSetupOfTheDialThatConnected(t *testing.T) {
	address := serve(t, wait)
	l := newLab(t)
	inner := l.WrapDial(func(ctx context.Context, network, address string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	})
	var begun time.Time
	conn, err := l.WrapDial(func(_ context.Context, network, address string) (net.Conn, error) {
		begun = time.Now()
		return inner(t.Context(), network, address)
	})(t.Context(), "tcp", address)
	must(t, err)
	defer conn.Close()
	if s := lookup(t, conn).Setup(); s.Start.Before(begun) || len(s.Connects) != 1 {
		t.Errorf("it begins at %v with %d attempts, want one, after %v", s.Start, len(s.Connects), begun)
	}
}

func TestSetupOfAFailedHandshake(t *testing.T) {
	address, config := serveTLS(t)
	config.RootCAs, config.ServerName = x509.NewCertPool(), "server.test"
	var c *otelnetstats.Conn
	l := newLab(t, otelnetstats.WithCallback(&hooks{open: func(_ context.Context, opened *otelnetstats.Conn) { c = opened }}))
	_, err := (&otelnetstats.Dialer{Tracker: l.Tracker}).TLS(config)(t.Context(), "tcp", address)
	if h := c.Setup().TLS; h.Err == nil || !errors.Is(err, h.Err) || h.Duration <= 0 || h.Version != 0 {
		t.Errorf("handshake %+v, want the error %v", h, err)
	}
}

// TestSetupOfWhatWasNotDialed is zero.
func TestSetupOfWhatWasNotDialed(t *testing.T) {
	l := newLab(t)
	registered := l.Register(t.Context(), &stub{})
	ln := l.Listener(listen(t, "tcp", "127.0.0.1:0"))
	dial(t, new(net.Dialer), "tcp", ln.Addr().String())
	for name, conn := range map[string]net.Conn{"registered": registered, "accepted": accept(t, ln)} {
		if s := lookup(t, conn).Setup(); !s.Start.IsZero() || s.Total != 0 || s.Lookups != nil || s.Connects != nil || !s.TLS.Start.IsZero() {
			t.Errorf("%s: %+v, want nothing", name, s)
		}
	}
}

// TestSetupIsACopy: what a user does to it changes nothing.
func TestSetupIsACopy(t *testing.T) {
	port, _ := portOf(t, serve(t, wait))
	l := newLab(t)
	c := lookup(t, dial(t, &otelnetstats.Dialer{Tracker: l.Tracker}, "tcp", "localhost:"+port))
	s := c.Setup()
	s.Lookups[0].Addresses, s.Connects[0].Address = -1, "changed"
	if again := c.Setup(); again.Lookups[0].Addresses == -1 || again.Connects[0].Address == "changed" {
		t.Error("a user's change is there the next time")
	}
}

// TestAttemptsThatAnotherOneOvertook are in the setup, as given up.
func TestAttemptsThatAnotherOneOvertook(t *testing.T) {
	l := newLab(t)
	base := otelnetstats.DialFunc(func(ctx context.Context, network, _ string) (net.Conn, error) {
		trace := httptrace.ContextClientTrace(ctx)
		trace.ConnectStart(network, "192.0.2.1:1")
		trace.ConnectStart(network, "192.0.2.2:1")
		trace.ConnectDone(network, "192.0.2.2:1", nil)
		return &stub{}, nil
	})
	s := lookup(t, dial(t, &otelnetstats.Dialer{Tracker: l.Tracker, Base: base}, "tcp", "h:1")).Setup()
	if len(s.Connects) != 2 || !errors.Is(s.Connects[0].Err, context.Canceled) || s.Connects[1].Err != nil {
		t.Errorf("connects %+v, want the first canceled", s.Connects)
	}
}
