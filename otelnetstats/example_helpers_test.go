package otelnetstats_test

import (
	"bufio"
	"context"
	"io"
	"net"

	"github.com/netstats-go/netstats/otelnetstats"
)

// network stands for the network in the examples: whatever the address, there
// is a server that answers each line with "hello to you\n", 13 bytes.
var network = otelnetstats.DialFunc(func(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	go func() {
		defer server.Close()
		for lines := bufio.NewScanner(server); lines.Scan(); {
			if _, err := io.WriteString(server, "hello to you\n"); err != nil {
				return
			}
		}
	}()
	return client, nil
})

// ask sends a line and reads the answer.
func ask(conn net.Conn, line string) {
	if _, err := io.WriteString(conn, line+"\n"); err != nil {
		panic(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, 13)); err != nil {
		panic(err)
	}
}
