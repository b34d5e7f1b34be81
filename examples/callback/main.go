// Command callback shows how a program's own code is told of the steps in a
// connection's life: one callback logs them, another one watches how much is
// read and speaks up where a budget is passed.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"

	"github.com/netstats-go/netstats/otelnetstats"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "callback:", err)
		os.Exit(1)
	}
}

// A logger logs what happens to connections, but not each read and write: it is
// a Callback and no IOCallback, so those cost nothing. NopCallback has the
// methods that it leaves out.
type logger struct {
	otelnetstats.NopCallback
	log *slog.Logger
}

var _ otelnetstats.Callback = logger{}

func (l logger) Open(ctx context.Context, c *otelnetstats.Conn) {
	l.log.InfoContext(ctx, "open", "to", c.Address())
}

func (l logger) Mark(ctx context.Context, c *otelnetstats.Conn, lap otelnetstats.Lap) {
	l.log.InfoContext(ctx, "mark", "to", c.Address(), "name", lap.Name, "received", lap.Received, "sent", lap.Sent)
}

// Close is called right before the connection is closed, and the numbers are at
// hand.
func (l logger) Close(ctx context.Context, c *otelnetstats.Conn) {
	s := c.Stats()
	l.log.InfoContext(ctx, "close", "to", c.Address(), "why", c.CloseReason(), "received", s.Received.Bytes, "sent", s.Sent.Bytes)
}

func (l logger) DialError(ctx context.Context, _, address string, err error) {
	l.log.WarnContext(ctx, "no connection", "to", address, "error", err)
}

// A budget says once of each connection that it received more than it should.
// It is an IOCallback: it has Read and Write, too, and is told of each.
type budget struct {
	otelnetstats.NopCallback
	log   *slog.Logger
	bytes int64
	said  sync.Map // of *otelnetstats.Conn
}

var _ otelnetstats.IOCallback = (*budget)(nil)

func (b *budget) Read(ctx context.Context, c *otelnetstats.Conn, _ int) {
	if c.Stats().Received.Bytes <= b.bytes {
		return
	}
	if _, said := b.said.LoadOrStore(c, true); !said {
		b.log.WarnContext(ctx, "over budget", "to", c.Address(), "budget", b.bytes)
	}
}

func (b *budget) Write(context.Context, *otelnetstats.Conn, int) {}

func (b *budget) Close(_ context.Context, c *otelnetstats.Conn) { b.said.Delete(c) }

func run(ctx context.Context, stdout io.Writer) error {
	log := newLog(stdout)
	tracker, err := otelnetstats.New(
		otelnetstats.WithCallback(logger{log: log}),
		otelnetstats.WithCallback(&budget{log: log, bytes: 1000}),
	)
	if err != nil {
		return err
	}
	dialer := &otelnetstats.Dialer{Tracker: tracker}

	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		return err
	}
	address := listener.Addr().String()
	go serve(listener)
	if err := chat(ctx, dialer, address); err != nil {
		return err
	}
	if err := listener.Close(); err != nil {
		return err
	}
	if _, err := dialer.DialContext(ctx, "tcp", address); err == nil {
		return fmt.Errorf("dialed %s, where nobody listens", address)
	}
	return tracker.Shutdown(ctx)
}

// chat says hello and reads until the server closes.
func chat(ctx context.Context, dialer *otelnetstats.Dialer, address string) error {
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "hello\n"); err != nil {
		return err
	}
	otelnetstats.Mark(ctx, conn, "said hello")
	_, err = io.Copy(io.Discard, conn)
	return err
}

// serve answers one client with 1,200 bytes.
func serve(listener net.Listener) {
	conn, err := listener.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	if _, err := conn.Read(make([]byte, 100)); err != nil {
		return
	}
	_, _ = io.WriteString(conn, strings.Repeat("x", 1200))
}

// newLog logs without the time, for the sake of a short line.
func newLog(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
}
