package otelnetstats_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/netstats-go/netstats/otelnetstats"
)

// The zero Dialer dials as a zero net.Dialer does, and tracks on the global
// providers.
func ExampleDialer() {
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		log.Fatal(err)
	}
	defer listener.Close()

	var dialer otelnetstats.Dialer
	conn, err := dialer.DialContext(context.Background(), "tcp", listener.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "hello")

	stats, ok := otelnetstats.StatsOf(conn)
	fmt.Println(ok, stats.Sent.Bytes, stats.Received.Bytes)
	// Output:
	// true 5 0
}

// A Dialer keeps a way to dial that is there already as its Base. Its name tells
// it apart from others that dial the same address.
func ExampleDialer_base() {
	dialer := &otelnetstats.Dialer{
		Base: &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second},
		Name: "reports",
	}
	_ = dialer // goes where a *net.Dialer goes
}

func ExampleDialer_DialContext() {
	dialer := &otelnetstats.Dialer{Base: network}

	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	conn, err := dialer.DialContext(ctx, "tcp", "example.com:7")
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	c, _ := otelnetstats.Lookup(conn)
	fmt.Println(c.Network(), c.Address())
	// Output:
	// tcp example.com:7
}

func ExampleDialer_Dial() {
	dialer := &otelnetstats.Dialer{Base: network}
	conn, err := dialer.Dial("tcp", "example.com:7")
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	_, tracked := otelnetstats.Lookup(conn)
	fmt.Println(tracked)
	// Output:
	// true
}

func ExampleDialer_DialTimeout() {
	dialer := &otelnetstats.Dialer{Base: network}
	conn, err := dialer.DialTimeout("tcp", "example.com:7", time.Second)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	_, tracked := otelnetstats.Lookup(conn)
	fmt.Println(tracked)
	// Output:
	// true
}

// TLS lies on top of the tracked connection: the counts are of what is on the
// wire, the handshake included.
func ExampleDialer_TLS() {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	roots := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs

	dialer := new(otelnetstats.Dialer)
	dialTLS := dialer.TLS(&tls.Config{RootCAs: roots})
	conn, err := dialTLS(context.Background(), "tcp", server.Listener.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	fmt.Println(conn.(*tls.Conn).ConnectionState().HandshakeComplete)

	fmt.Fprint(conn, "GET / HTTP/1.0\r\n\r\n")
	response, err := io.ReadAll(conn)
	if err != nil {
		log.Fatal(err)
	}
	stats, ok := otelnetstats.StatsOf(conn)
	fmt.Println(ok, stats.Received.Bytes > int64(len(response)))
	// Output:
	// true
	// true true
}

// Many libraries have a dial function with another signature.
func ExampleDialFunc() {
	dialAddress := func(ctx context.Context, address string) (net.Conn, error) {
		return network(ctx, "tcp", address)
	}
	dialer := &otelnetstats.Dialer{
		Base: otelnetstats.DialFunc(func(ctx context.Context, _, address string) (net.Conn, error) {
			return dialAddress(ctx, address)
		}),
	}
	tracked := func(ctx context.Context, address string) (net.Conn, error) {
		return dialer.DialContext(ctx, "tcp", address)
	}

	conn, err := tracked(context.Background(), "example.com:7")
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	c, _ := otelnetstats.Lookup(conn)
	fmt.Println(c.Address())
	// Output:
	// example.com:7
}

// What takes a ContextDialer takes a *net.Dialer as well as a *Dialer.
func ExampleContextDialer() {
	connect := func(d otelnetstats.ContextDialer) bool {
		conn, err := d.DialContext(context.Background(), "tcp", "example.com:7")
		if err != nil {
			log.Fatal(err)
		}
		defer conn.Close()
		_, tracked := otelnetstats.Lookup(conn)
		return tracked
	}
	fmt.Println(connect(network))
	fmt.Println(connect(&otelnetstats.Dialer{Base: network}))
	// Output:
	// false
	// true
}

// Libraries that share a Dialer can be told apart in metrics and spans.
func ExampleContextWithName() {
	spans := tracetest.NewSpanRecorder()
	tracker, err := otelnetstats.New(otelnetstats.WithTracerProvider(
		sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))))
	if err != nil {
		log.Print(err)
	}
	dialer := &otelnetstats.Dialer{Base: network, Tracker: tracker, Name: "shared"}

	ctx := otelnetstats.ContextWithName(context.Background(), "reports")
	conn, err := dialer.DialContext(ctx, "tcp", "example.com:7")
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	for _, kv := range spans.Ended()[0].Attributes() {
		if kv.Key == "netstats.dialer.name" {
			fmt.Println(kv.Value.AsString())
		}
	}
	// Output:
	// reports
}

// An exporter that dials with a tracked Dialer would report on itself.
func ExampleContextWithoutTracking() {
	dial := otelnetstats.WrapDial(network)

	ctx := otelnetstats.ContextWithoutTracking(context.Background())
	conn, err := dial(ctx, "tcp", "collector.example.com:4317")
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	_, tracked := otelnetstats.StatsOf(conn)
	fmt.Println(tracked)
	// Output:
	// false
}
