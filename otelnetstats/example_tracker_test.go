package otelnetstats_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/netstats-go/netstats/otelnetstats"
)

func ExampleNew() {
	tracker, err := otelnetstats.New(
		otelnetstats.WithTracerProvider(sdktrace.NewTracerProvider()),
		otelnetstats.WithMeterProvider(sdkmetric.NewMeterProvider()),
		otelnetstats.WithSpanAttributes(attribute.String("app.component", "reports")),
	)
	if err != nil {
		log.Print(err) // the Tracker works without what failed
	}
	dialer := &otelnetstats.Dialer{Tracker: tracker}
	_ = dialer
}

// The default Tracker is that of all Dialers that have none.
func ExampleDefault() {
	dial := otelnetstats.WrapDial(network)
	conn, err := dial(context.Background(), "tcp", "example.com:7")
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	for c := range otelnetstats.Default().Conns() {
		if c.Address() == "example.com:7" {
			fmt.Println("connected to", c.Address())
			break
		}
	}
	// Output:
	// connected to example.com:7
}

// One Tracker serves all of a program's dialers and listeners.
func ExampleTracker() {
	tracker, err := otelnetstats.New()
	if err != nil {
		log.Print(err)
	}
	users := &otelnetstats.Dialer{Base: network, Tracker: tracker, Name: "users"}
	mail := &otelnetstats.Dialer{Base: network, Tracker: tracker, Name: "mail"}
	conn, err := users.Dial("tcp", "users.example.com:7")
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	other, err := mail.Dial("tcp", "mail.example.com:7")
	if err != nil {
		log.Fatal(err)
	}
	defer other.Close()
	for c := range tracker.Conns() {
		fmt.Println(c.Address())
	}
	// Unordered output:
	// users.example.com:7
	// mail.example.com:7
}

func ExampleTracker_Conns() {
	tracker, err := otelnetstats.New()
	if err != nil {
		log.Print(err)
	}
	dial := tracker.WrapDial(network)
	conn, err := dial(context.Background(), "tcp", "example.com:7")
	if err != nil {
		log.Fatal(err)
	}
	ask(conn, "hello")
	for c := range tracker.Conns() {
		s := c.Stats()
		fmt.Printf("%s: received %d bytes, sent %d bytes\n", c.Address(), s.Received.Bytes, s.Sent.Bytes)
	}
	conn.Close()
	for c := range tracker.Conns() {
		fmt.Println(c.Address(), "is still open")
	}
	// Output:
	// example.com:7: received 13 bytes, sent 6 bytes
}

// Accepted connections are those of a server.
func ExampleTracker_Listener() {
	tracker, err := otelnetstats.New()
	if err != nil {
		log.Print(err)
	}
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		log.Fatal(err)
	}
	listener = tracker.Listener(listener)
	defer listener.Close()

	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	conn, err := listener.Accept()
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "welcome")

	c, _ := otelnetstats.Lookup(conn)
	fmt.Println(c.Role(), c.Stats().Sent.Bytes)
	// Output:
	// server 7
}

// Use the connection that Register returns: what is done with the other one is
// not counted.
func ExampleTracker_Register() {
	tracker, err := otelnetstats.New()
	if err != nil {
		log.Print(err)
	}
	ours, theirs := net.Pipe()
	go func() {
		fmt.Fprint(theirs, "hello")
		theirs.Close()
	}()
	conn := tracker.Register(context.Background(), ours)
	defer conn.Close()
	if _, err := io.ReadAll(conn); err != nil {
		log.Fatal(err)
	}
	stats, _ := otelnetstats.StatsOf(conn)
	fmt.Println(stats.Received.Bytes)
	// Output:
	// 5
}

func ExampleTracker_RegisterPacketConn() {
	tracker, err := otelnetstats.New()
	if err != nil {
		log.Print(err)
	}
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	conn := tracker.RegisterPacketConn(context.Background(), socket)
	defer conn.Close()
	for range 3 {
		if _, err := conn.WriteTo([]byte("tick"), conn.LocalAddr()); err != nil {
			log.Fatal(err)
		}
	}
	stats, _ := otelnetstats.StatsOf(conn)
	fmt.Printf("%d bytes in %d packets\n", stats.Sent.Bytes, stats.Sent.Operations)
	// Output:
	// 12 bytes in 3 packets
}

// The Tracker is shut down before the providers: a span that ends after its
// provider is lost.
func ExampleTracker_Shutdown() {
	tracerProvider, meterProvider := sdktrace.NewTracerProvider(), sdkmetric.NewMeterProvider()
	tracker, err := otelnetstats.New(
		otelnetstats.WithTracerProvider(tracerProvider),
		otelnetstats.WithMeterProvider(meterProvider),
	)
	if err != nil {
		log.Print(err)
	}
	dial := tracker.WrapDial(network)
	conn, err := dial(context.Background(), "tcp", "example.com:7")
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	ctx := context.Background()
	for _, shutdown := range []func(context.Context) error{
		tracker.Shutdown,
		meterProvider.Shutdown,
		tracerProvider.Shutdown,
	} {
		if err := shutdown(ctx); err != nil {
			log.Print(err)
		}
	}
	c, _ := otelnetstats.Lookup(conn)
	fmt.Println(c.CloseReason()) // of its tracking: the connection is still open
	// Output:
	// shutdown
}
