package otelnetstats_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"

	"github.com/netstats-go/netstats/otelnetstats"
)

// One line for whatever has a dial function. The clone of the default transport
// keeps its own, with timeouts and keep-alive.
func ExampleWrapDial() {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = otelnetstats.WrapDial(transport.DialContext)
}

func ExampleTracker_WrapDial() {
	tracker, err := otelnetstats.New() // with providers, callbacks and other options
	if err != nil {
		log.Print(err)
	}
	dial := tracker.WrapDial(network)
	conn, err := dial(context.Background(), "tcp", "example.com:7")
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	ask(conn, "hello")
	for c := range tracker.Conns() {
		fmt.Println(c.Address(), c.Stats().Received.Bytes)
	}
	// Output:
	// example.com:7 13
}

// How long did which step of the dial take?
func ExampleConn_Setup() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())

	dial := otelnetstats.WrapDial(nil)
	conn, err := dial(context.Background(), "tcp4", "localhost:"+port)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	c, _ := otelnetstats.Lookup(conn)
	setup := c.Setup()
	fmt.Println(setup.Lookups[0].Duration <= setup.Total)
	for _, attempt := range setup.Connects {
		fmt.Println(attempt.Network, attempt.Duration <= setup.Total, attempt.Err)
	}
	// Output:
	// true
	// tcp4 true <nil>
}
