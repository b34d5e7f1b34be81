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
	"net/http/httptrace"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/netstats-go/netstats/otelnetstats"
)

// A program with providers of its own tracks the connections of its HTTP client,
// and shuts down in the order in which nothing is lost.
func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "hello")
	}))
	defer server.Close()

	// Exporters are left out here: these providers keep nothing.
	tracerProvider := sdktrace.NewTracerProvider()
	meterProvider := sdkmetric.NewMeterProvider()

	tracker, err := otelnetstats.New(
		otelnetstats.WithTracerProvider(tracerProvider),
		otelnetstats.WithMeterProvider(meterProvider),
	)
	if err != nil {
		log.Print(err) // the Tracker works without what failed
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = tracker.WrapDial(transport.DialContext)
	client := &http.Client{Transport: transport}

	resp, err := client.Get(server.URL)
	if err != nil {
		log.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", body)
	for c := range tracker.Conns() {
		fmt.Println(c.Role(), c.Network(), c.Stats().Received.Operations > 0)
	}

	ctx := context.Background()
	transport.CloseIdleConnections()
	if err := tracker.Shutdown(ctx); err != nil {
		log.Print(err)
	}
	if err := meterProvider.Shutdown(ctx); err != nil {
		log.Print(err)
	}
	if err := tracerProvider.Shutdown(ctx); err != nil {
		log.Print(err)
	}
	// Output:
	// hello
	// client tcp true
}

// Where the global providers are set, no Tracker is needed. The clone of the
// default transport keeps HTTP/2, proxies, timeouts and its way to dial.
func Example_http() {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = otelnetstats.WrapDial(transport.DialContext)
	client := &http.Client{Transport: transport}

	fmt.Println(client.Transport.(*http.Transport).ForceAttemptHTTP2)
	// Output:
	// true
}

// To have TLS handshakes timed, the Dialer must do them. The transport's own
// TLSHandshakeTimeout does not apply then, and NextProtos must ask for HTTP/2.
func Example_httpTLS() {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Proto)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	roots := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs

	transport := http.DefaultTransport.(*http.Transport).Clone()
	dialer := &otelnetstats.Dialer{Base: otelnetstats.DialFunc(transport.DialContext)}
	transport.DialContext = dialer.DialContext // for http, and for proxies
	transport.TLSClientConfig = &tls.Config{RootCAs: roots, NextProtos: []string{"h2", "http/1.1"}}
	dialTLS := dialer.TLS(transport.TLSClientConfig)
	transport.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, transport.TLSHandshakeTimeout)
		defer cancel()
		return dialTLS(ctx, network, address)
	}
	client := &http.Client{Transport: transport}

	resp, err := client.Get(server.URL)
	if err != nil {
		log.Fatal(err)
	}
	defer transport.CloseIdleConnections()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", body)
	// Output:
	// HTTP/2.0
}

// A library that does not show its connections may show them to a trace:
// net/http does.
func ExampleMark_http() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "%100000s", "hello")
	}))
	defer server.Close()
	transport := &http.Transport{DialContext: new(otelnetstats.Dialer).DialContext}
	defer transport.CloseIdleConnections()

	var conn net.Conn
	ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { conn = info.Conn },
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
	if err != nil {
		log.Fatal(err)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	otelnetstats.Mark(ctx, conn, "headers")
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		log.Fatal(err)
	}
	otelnetstats.Mark(ctx, conn, "body")

	stats, _ := otelnetstats.StatsOf(conn)
	for _, lap := range stats.Marks {
		fmt.Println(lap.Name)
	}
	fmt.Println(stats.Received.Bytes > 100_000)
	// Output:
	// headers
	// body
	// true
}
