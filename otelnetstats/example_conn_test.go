package otelnetstats_test

import (
	"context"
	"fmt"
	"log"
	"net"

	"go.opentelemetry.io/otel/attribute"

	"github.com/netstats-go/netstats/otelnetstats"
)

func ExampleLookup() {
	dial := otelnetstats.WrapDial(network)
	conn, err := dial(context.Background(), "tcp", "example.com:7")
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	if c, ok := otelnetstats.Lookup(conn); ok {
		fmt.Println(c.Role(), c.Network(), c.Address())
	}
	plain, other := net.Pipe()
	defer plain.Close()
	defer other.Close()
	_, ok := otelnetstats.Lookup(plain)
	fmt.Println(ok)
	// Output:
	// client tcp example.com:7
	// false
}

// A Conn may be kept: it holds the numbers, not the connection.
func ExampleConn() {
	dial := otelnetstats.WrapDial(network)
	conn, err := dial(context.Background(), "tcp", "example.com:7")
	if err != nil {
		log.Fatal(err)
	}
	c, _ := otelnetstats.Lookup(conn)
	fmt.Printf("%q\n", c.CloseReason())
	ask(conn, "hello")
	conn.Close()
	fmt.Printf("%q\n", c.CloseReason())
	fmt.Println(c.Stats().Received.Bytes)
	// Output:
	// ""
	// "local"
	// 13
}

func ExampleCloseReason() {
	dial := otelnetstats.WrapDial(network)
	conn, err := dial(context.Background(), "tcp", "example.com:7")
	if err != nil {
		log.Fatal(err)
	}
	c, _ := otelnetstats.Lookup(conn)
	conn.Close()
	switch c.CloseReason() {
	case otelnetstats.ClosedLocal, otelnetstats.ClosedRemote:
		fmt.Println("ended in peace")
	case otelnetstats.ClosedLeaked:
		fmt.Println("somebody forgot to close it")
	default:
		fmt.Println("ended with", c.CloseReason())
	}
	// Output:
	// ended in peace
}

// The functions of the package take whatever a program has at hand: a
// connection, a packet connection, or a *tls.Conn on top of one.
func ExampleEndpoint() {
	received := func(conn otelnetstats.Endpoint) int64 {
		stats, ok := otelnetstats.StatsOf(conn)
		if !ok {
			return -1
		}
		return stats.Received.Bytes
	}
	dial := otelnetstats.WrapDial(network)
	conn, err := dial(context.Background(), "tcp", "example.com:7")
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	ask(conn, "hello")
	fmt.Println(received(conn))
	// Output:
	// 13
}

// The numbers are there at any time, also after Close.
func ExampleStatsOf() {
	dial := otelnetstats.WrapDial(network)
	conn, err := dial(context.Background(), "tcp", "example.com:7")
	if err != nil {
		log.Fatal(err)
	}
	ask(conn, "hello")
	ask(conn, "hello again")
	conn.Close()

	stats, ok := otelnetstats.StatsOf(conn)
	if !ok {
		log.Fatal("the connection is not tracked")
	}
	fmt.Printf("sent %d bytes in %d writes\n", stats.Sent.Bytes, stats.Sent.Operations)
	fmt.Printf("received %d bytes\n", stats.Received.Bytes)
	// Output:
	// sent 18 bytes in 2 writes
	// received 26 bytes
}

// What a piece of work has cost is the difference of two Stats.
func ExampleStats_Sub() {
	dial := otelnetstats.WrapDial(network)
	conn, err := dial(context.Background(), "tcp", "example.com:7")
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	ask(conn, "hello")

	before, _ := otelnetstats.StatsOf(conn)
	ask(conn, "work")
	after, _ := otelnetstats.StatsOf(conn)

	cost := after.Sub(before)
	fmt.Println(cost.Sent.Bytes, cost.Received.Bytes)
	// Output:
	// 5 13
}

// Reset begins to count anew. Exported metrics and spans do not go back.
func ExampleReset() {
	dial := otelnetstats.WrapDial(network)
	conn, err := dial(context.Background(), "tcp", "example.com:7")
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	ask(conn, "hello")
	before, _ := otelnetstats.Reset(conn)
	ask(conn, "hello again")
	after, _ := otelnetstats.StatsOf(conn)
	fmt.Println(before.Sent.Bytes, after.Sent.Bytes)
	fmt.Println(before.Opened.Equal(after.Opened))
	// Output:
	// 6 12
	// true
}

// ResetAll suits a pool: who takes a connection out of it has it as if it had
// just been opened.
func ExampleResetAll() {
	dial := otelnetstats.WrapDial(network)
	conn, err := dial(context.Background(), "tcp", "example.com:7")
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	before, _ := otelnetstats.ResetAll(conn)
	after, _ := otelnetstats.StatsOf(conn)
	fmt.Println(after.Opened.After(before.Opened))
	// Output:
	// true
}

// A mark at the end of each phase says what the phase has cost.
func ExampleMark() {
	ctx := context.Background()
	dial := otelnetstats.WrapDial(network)
	conn, err := dial(ctx, "tcp", "example.com:7")
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	ask(conn, "login")
	otelnetstats.Mark(ctx, conn, "login")
	ask(conn, "first")
	ask(conn, "second")
	lap, ok := otelnetstats.Mark(ctx, conn, "query", attribute.Int("query.count", 2))

	fmt.Println(ok, lap.Name, lap.Sent, lap.Received)
	// Output:
	// true query 13 26
}

// The laps are kept: the latest 128 of a connection.
func ExampleLap() {
	ctx := context.Background()
	dial := otelnetstats.WrapDial(network)
	conn, err := dial(ctx, "tcp", "example.com:7")
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	for _, phase := range []string{"login", "query", "logout"} {
		ask(conn, phase)
		otelnetstats.Mark(ctx, conn, phase)
	}
	stats, _ := otelnetstats.StatsOf(conn)
	for _, lap := range stats.Marks {
		fmt.Printf("%s: sent %d bytes, %d in all\n", lap.Name, lap.Sent, lap.TotalSent)
	}
	// Output:
	// login: sent 6 bytes, 6 in all
	// query: sent 6 bytes, 12 in all
	// logout: sent 7 bytes, 19 in all
}
