// Command live shows its own connections in the browser, while it keeps a small life
// going: a pool that marks what it does, a web client, a server that nobody answers
// at, and a mistake. Which server is it that connections leak to?
//
//	live                           shows the page as text, and ends
//	live -listen localhost:6061    serves it until it is interrupted
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/netstats-go/netstats/otelnetstats"
	"github.com/netstats-go/netstats/otelnetstats/connz"
)

func main() {
	listen := flag.String("listen", "", "serve the page on this `address` until interrupted")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *listen, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "live:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, address string, stdout io.Writer) error {
	tracker, err := otelnetstats.New(otelnetstats.WithCaller(), otelnetstats.WithDialStacks())
	if err != nil {
		return err
	}
	// All it takes. Any path that ends in a slash will do.
	mux := http.NewServeMux()
	mux.Handle("/debug/connz/", connz.Handler(tracker))

	listener, err := net.Listen("tcp", cmp.Or(address, "localhost:0"))
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(listener) }()
	url := "http://" + listener.Addr().String() + "/debug/connz/"
	fmt.Fprintln(stdout, "serving on", url)

	l, err := startLife(tracker)
	if err != nil {
		return errors.Join(err, srv.Close())
	}
	if address == "" {
		err = show(ctx, url, stdout)
	} else {
		err = wait(ctx, done)
	}
	l.end()
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

// show prints what the page has, as text.
func show(ctx context.Context, url string, stdout io.Writer) error {
	for _, query := range []string{"?format=text", "?format=text&state=failed"} {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+query, nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		fmt.Fprintln(stdout)
		_, err = io.Copy(stdout, resp.Body)
		resp.Body.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
