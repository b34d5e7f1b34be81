package otelnetstats_test

import (
	"context"
	"fmt"
	"log"

	"github.com/netstats-go/netstats/otelnetstats"
)

// progress is an IOCallback. The declaration below tells whether it really is
// one: a method with another signature would never be called.
type progress struct{ otelnetstats.NopCallback }

var _ otelnetstats.IOCallback = progress{}

func (progress) Read(_ context.Context, c *otelnetstats.Conn, n int) {
	fmt.Println("read", n, "now", c.Stats().Received.Bytes)
}

func (progress) Write(_ context.Context, c *otelnetstats.Conn, n int) {
	fmt.Println("write", n, "now", c.Stats().Sent.Bytes)
}

func ExampleIOCallback() {
	tracker, err := otelnetstats.New(otelnetstats.WithCallback(progress{}))
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
	ask(conn, "bye")
	// Output:
	// write 6 now 6
	// read 13 now 13
	// write 4 now 10
	// read 13 now 26
}
