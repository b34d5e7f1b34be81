package otelnetstats_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"

	"github.com/netstats-go/netstats/otelnetstats"
)

// The one line for net/http. What wraps it, as otelhttp.NewTransport, goes around it.
func ExampleNewTransport() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }))
	defer server.Close()

	client := &http.Client{Transport: otelnetstats.NewTransport(nil)}
	defer client.CloseIdleConnections()

	for range 2 {
		resp, err := client.Get(server.URL)
		if err != nil {
			fmt.Println(err)
			return
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		conn := otelnetstats.ConnFromContext(resp.Request.Context())
		fmt.Println(conn.Requests().Served)
	}
	// Output:
	// 1
	// 2
}

// Two pools to the same server are told apart by their names.
func ExampleTracker_Transport() {
	tracker, err := otelnetstats.New()
	if err != nil {
		fmt.Println(err) // the Tracker works without what failed
	}
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.MaxIdleConnsPerHost = 100
	client := &http.Client{Transport: tracker.Transport(base,
		otelnetstats.WithTransportName("orders"),
		otelnetstats.WithRequestMarks(),
		otelnetstats.WithHTTPConnectionDuration())}
	client.CloseIdleConnections()
}

// A library that returns no response fills the context that it was given.
func ExampleContextWithConn() {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	client := &http.Client{Transport: otelnetstats.NewTransport(nil)}
	defer client.CloseIdleConnections()
	library := func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}

	ctx := otelnetstats.ContextWithConn(context.Background())
	if err := library(ctx); err != nil {
		fmt.Println(err)
	}
	fmt.Println(otelnetstats.ConnFromContext(ctx).Address() == server.Listener.Addr().String())
	// Output: true
}

// A handler knows the connection that its request came in on.
func ExampleConnContext() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn := otelnetstats.ConnFromContext(r.Context())
			conn.Mark(r.Context(), "request read")
			fmt.Fprint(w, conn.Role())
		}),
		ConnContext: otelnetstats.ConnContext,
	}
	go func() { _ = server.Serve(otelnetstats.Default().Listener(listener)) }()
	defer server.Close()

	resp, err := http.Get("http://" + listener.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	fmt.Println(string(body))
	// Output: server
}
