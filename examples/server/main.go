// Command server shows the other side: an HTTP server whose accepted connections
// are tracked, and which tells its clients who else is connected.
//
//	server                          starts, asks itself, and ends
//	server -listen localhost:8080   serves until it is interrupted; try curl
package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/netstats-go/netstats/otelnetstats"
)

func main() {
	listen := flag.String("listen", "", "serve on this `address` until interrupted")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *listen, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, address string, stdout io.Writer) error {
	logger := log.New(stdout, "", 0)
	tracker, err := otelnetstats.New(otelnetstats.WithCallback(closings{log: logger}))
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", cmp.Or(address, "localhost:0"))
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: newHandler(tracker), ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	// All it takes. For HTTPS it is srv.ServeTLS(tracker.Listener(listener), …).
	go func() { done <- srv.Serve(tracker.Listener(listener)) }()
	logger.Printf("serving on http://%s/", listener.Addr())

	if address == "" {
		err = visit(listener.Addr().String(), stdout)
	} else {
		err = wait(ctx, done)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(err, srv.Shutdown(ctx), tracker.Shutdown(ctx))
}

// wait returns when the program is interrupted or the server fails.
func wait(ctx context.Context, done <-chan error) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-done:
		return err
	}
}

// newHandler lists the connections that are open, the asker's among them.
func newHandler(tracker *otelnetstats.Tracker) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conns := slices.SortedFunc(tracker.Conns(), func(a, b *otelnetstats.Conn) int { return cmp.Compare(a.ID(), b.ID()) })
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "FROM\tOPEN FOR\tRECEIVED\tSENT")
		for _, c := range conns {
			s := c.Stats()
			fmt.Fprintf(t, "%s\t%v\t%d B\t%d B\n", c.RemoteAddr(), time.Since(s.Opened).Round(time.Microsecond), s.Received.Bytes, s.Sent.Bytes)
		}
		t.Flush()
	})
}

// closings prints a line for each connection that ends.
type closings struct {
	otelnetstats.NopCallback
	log *log.Logger
}

func (p closings) Close(_ context.Context, c *otelnetstats.Conn) {
	s := c.Stats()
	p.log.Printf("%s closed (%s): received %d bytes, sent %d bytes", c.RemoteAddr(), c.CloseReason(), s.Received.Bytes, s.Sent.Bytes)
}

// visit asks the server twice, on two connections of which the first stays open,
// and prints what the second one hears.
func visit(address string, stdout io.Writer) error {
	first, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer first.Close()
	if _, err := get(first, address); err != nil {
		return err
	}
	second, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer second.Close()
	body, err := get(second, address)
	if err != nil {
		return err
	}
	_, err = stdout.Write(body)
	return err
}

// get asks for the list, and leaves the connection open.
func get(conn net.Conn, address string) ([]byte, error) {
	if _, err := fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", address); err != nil {
		return nil, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}
