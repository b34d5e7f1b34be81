package otelnetstats_test

import (
	"context"
	"fmt"
	"log"

	"github.com/netstats-go/netstats/otelnetstats"
)

// diary is a Callback. NopCallback has the methods that it leaves out.
type diary struct{ otelnetstats.NopCallback }

var _ otelnetstats.Callback = diary{}

func (diary) Open(_ context.Context, c *otelnetstats.Conn) {
	fmt.Println("open", c.Address())
}

func (diary) Close(_ context.Context, c *otelnetstats.Conn) {
	s := c.Stats()
	fmt.Println("close", c.Address(), c.CloseReason(), s.Received.Bytes, s.Sent.Bytes)
}

func ExampleCallback() {
	tracker, err := otelnetstats.New(otelnetstats.WithCallback(diary{}))
	if err != nil {
		log.Print(err)
	}
	dial := tracker.WrapDial(network)
	conn, err := dial(context.Background(), "tcp", "example.com:7")
	if err != nil {
		log.Fatal(err)
	}
	ask(conn, "hello")
	conn.Close()
	// Output:
	// open example.com:7
	// close example.com:7 local 13 6
}
