// Package benchmarks compares netstats with what else there is to watch
// connections with, in the same run as the plain connection:
//
//	netstats, netstats-recording  this module; spans unsampled, and recording
//	hand, hand-recording          OpenTelemetry called by hand
//	conntrack                     go-conntrack, which counts no bytes
package benchmarks_test

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/mwitkow/go-conntrack"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/netstats-go/netstats/internal/testnet/compare"
	"github.com/netstats-go/netstats/otelnetstats"
)

type dialer = otelnetstats.ContextDialer

// A peer is a way to watch what it dials.
type peer struct {
	name string
	dialer
}

type providers struct {
	spans   *sdktrace.TracerProvider
	metrics *sdkmetric.MeterProvider
}

func newProviders(b *testing.B, sampler sdktrace.Sampler) providers {
	p := providers{
		sdktrace.NewTracerProvider(sdktrace.WithSampler(sampler)),
		sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader())),
	}
	b.Cleanup(func() {
		_ = p.spans.Shutdown(b.Context())
		_ = p.metrics.Shutdown(b.Context())
	})
	return p
}

// peers are the ways compared, on top of base; the first is the plain one.
func peers(b *testing.B, base dialer) []peer {
	b.Helper()
	all := []peer{{"plain", base}}
	for _, span := range []struct {
		suffix  string
		sampler sdktrace.Sampler
	}{{"", sdktrace.NeverSample()}, {"-recording", sdktrace.AlwaysSample()}} {
		p := newProviders(b, span.sampler)
		tracker, err := otelnetstats.New(otelnetstats.WithTracerProvider(p.spans), otelnetstats.WithMeterProvider(p.metrics))
		if err != nil {
			b.Fatal(err)
		}
		all = append(all,
			peer{"netstats" + span.suffix, &otelnetstats.Dialer{Tracker: tracker, Base: base}},
			peer{"hand" + span.suffix, newHand(b, base, p)})
	}
	conntracked := conntrack.NewDialContextFunc(conntrack.DialWithDialContextFunc(base.DialContext))
	return append(all, peer{"conntrack", otelnetstats.DialFunc(conntracked)})
}

// compareConns has all peers do work on a connection that each of them dialed.
func compareConns(b *testing.B, base dialer, address string, batch int, work func(conn net.Conn, n int) error) {
	var variants []compare.Variant
	for _, p := range peers(b, base) {
		conn, err := p.DialContext(b.Context(), "tcp", address)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = conn.Close() })
		variants = append(variants, compare.Variant{Name: p.name, Do: func(n int) {
			if err := work(conn, n); err != nil {
				b.Fatal(err)
			}
		}})
	}
	compare.Run(b, batch, variants)
}

func BenchmarkOwn(b *testing.B) {
	free := otelnetstats.DialFunc(func(context.Context, string, string) (net.Conn, error) { return new(compare.FreeConn), nil })
	buf := make([]byte, 64)
	b.Run("read", func(b *testing.B) {
		compareConns(b, free, "127.0.0.1:80", 4_000, func(conn net.Conn, n int) error {
			for range n {
				_, _ = conn.Read(buf)
			}
			return nil
		})
	})
	b.Run("write", func(b *testing.B) {
		compareConns(b, free, "127.0.0.1:80", 4_000, func(conn net.Conn, n int) error {
			for range n {
				_, _ = conn.Write(buf)
			}
			return nil
		})
	})
}

func BenchmarkTCP(b *testing.B) {
	b.Run("pingpong-64B", func(b *testing.B) {
		buf := make([]byte, 64)
		compareConns(b, new(net.Dialer), compare.Serve(b, compare.Echo).String(), 200, func(conn net.Conn, n int) error {
			for range n {
				if _, err := conn.Write(buf); err != nil {
					return err
				}
				if _, err := io.ReadFull(conn, buf); err != nil {
					return err
				}
			}
			return nil
		})
	})
	b.Run("sendfile-8MiB", func(b *testing.B) {
		const size = 8 << 20
		file, err := os.Open(fileOf(b, size))
		if err != nil {
			b.Fatal(err)
		}
		defer file.Close()
		compareConns(b, new(net.Dialer), compare.Serve(b, compare.Acknowledge(size)).String(), 1, func(conn net.Conn, n int) error {
			for range n {
				if _, err := file.Seek(0, io.SeekStart); err != nil {
					return err
				}
				if _, err := io.Copy(conn, file); err != nil {
					return err
				}
				if _, err := conn.Read(make([]byte, 1)); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

func fileOf(b *testing.B, size int) (name string) {
	name = filepath.Join(b.TempDir(), "file")
	if err := os.WriteFile(name, make([]byte, size), 0o600); err != nil {
		b.Fatal(err)
	}
	return name
}

func BenchmarkDialClose(b *testing.B) {
	address := compare.Serve(b, compare.Discard).String()
	var variants []compare.Variant
	for _, p := range peers(b, new(net.Dialer)) {
		variants = append(variants, compare.Variant{Name: p.name, Do: func(n int) {
			for range n {
				conn, err := p.DialContext(b.Context(), "tcp", address)
				if err != nil {
					b.Fatal(err)
				}
				_ = conn.Close()
			}
		}})
	}
	compare.Run(b, 1, variants)
}
