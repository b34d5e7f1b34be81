// Command marks shows what marks are for: a client works in phases (login,
// query, download), marks its connection at the end of each, and learns what
// each phase cost. It needs no OpenTelemetry SDK, and no change in the client's
// own code but the marks.
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"text/tabwriter"

	"go.opentelemetry.io/otel/attribute"

	"github.com/netstats-go/netstats/otelnetstats"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "marks:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, stdout io.Writer) error {
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	go serve(listener)

	// The zero Dialer dials as a zero net.Dialer does.
	conn, err := new(otelnetstats.Dialer).DialContext(ctx, "tcp", listener.Addr().String())
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := work(ctx, newClient(conn)); err != nil {
		return err
	}
	return report(stdout, conn)
}

// work does the phases, with a mark at the end of each: a mark measures the way
// from the mark before.
func work(ctx context.Context, c *client) error {
	if _, err := c.ask("LOGIN gopher"); err != nil {
		return fmt.Errorf("login: %w", err)
	}
	otelnetstats.Mark(ctx, c.conn, "login")

	names, err := c.ask("QUERY *.txt")
	if err != nil {
		return fmt.Errorf("query: %w", err)
	}
	found := strings.Fields(names)
	otelnetstats.Mark(ctx, c.conn, "query", attribute.Int("files.found", len(found)))

	for _, name := range found {
		if err := c.download(name); err != nil {
			return fmt.Errorf("download %s: %w", name, err)
		}
		// The name of a mark says which phase it was; what differs from one
		// time to the next goes into attributes.
		otelnetstats.Mark(ctx, c.conn, "download", attribute.String("file.name", name))
	}
	return nil
}

// report prints the laps, and in all what the connection moved.
func report(w io.Writer, conn net.Conn) error {
	stats, ok := otelnetstats.StatsOf(conn)
	if !ok {
		return fmt.Errorf("the connection to %s is not tracked", conn.RemoteAddr())
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "phase\treceived\tsent\ttime\t")
	for _, lap := range stats.Marks {
		fmt.Fprintf(t, "%s\t%d B\t%d B\t%v\t\n", lap.Name, lap.Received, lap.Sent, lap.Elapsed)
	}
	fmt.Fprintf(t, "in all\t%d B\t%d B\t\t\n", stats.Received.Bytes, stats.Sent.Bytes)
	return t.Flush()
}

// A client speaks a small protocol of lines. Nothing in it knows that the
// connection is tracked.
type client struct {
	conn net.Conn
	in   *bufio.Reader
}

func newClient(conn net.Conn) *client { return &client{conn, bufio.NewReader(conn)} }

// ask sends a request and returns what the answer says after OK.
func (c *client) ask(request string) (string, error) {
	if _, err := fmt.Fprintf(c.conn, "%s\n", request); err != nil {
		return "", err
	}
	line, err := c.in.ReadString('\n')
	if err != nil {
		return "", err
	}
	answer, ok := strings.CutPrefix(strings.TrimSpace(line), "OK")
	if !ok {
		return "", fmt.Errorf("the server says %q", strings.TrimSpace(line))
	}
	return strings.TrimSpace(answer), nil
}

// download reads a file, whose size comes first.
func (c *client) download(name string) error {
	answer, err := c.ask("GET " + name)
	if err != nil {
		return err
	}
	var size int64
	if _, err := fmt.Sscan(answer, &size); err != nil {
		return err
	}
	_, err = io.CopyN(io.Discard, c.in, size)
	return err
}
