package netstatstest_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/netstats-go/netstats/otelnetstats/netstatstest"
)

func hello(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello") }

// fetchAll is of the program under test.
func fetchAll(ctx context.Context, client *http.Client, url string) error {
	for range 3 {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return err
		}
		if err := resp.Body.Close(); err != nil {
			return err
		}
	}
	return nil
}

func TestFetchAllUsesOneConnection(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(hello))
	t.Cleanup(server.Close) // before Watch: the server outlives the look at its connections

	w := netstatstest.Watch(t, netstatstest.MaxDials(1), netstatstest.OnlyLoopback())
	if err := fetchAll(t.Context(), w.Client(), server.URL); err != nil {
		t.Fatal(err)
	}
}

// ask is of the program under test: it asks each question on a connection of its own,
// or all of them on one.
func ask(ctx context.Context, dial func(context.Context, string, string) (net.Conn, error), each bool, questions ...string) error {
	var conn net.Conn
	for _, q := range questions {
		if conn == nil {
			c, err := dial(ctx, "tcp", "oracle:9999")
			if err != nil {
				return err
			}
			conn = c
			defer c.Close() //nolint:revive // all are closed at the end
		}
		if _, err := fmt.Fprintln(conn, q); err != nil {
			return err
		}
		if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
			return err
		}
		if each {
			conn = nil
		}
	}
	return nil
}

func TestAsk(t *testing.T) {
	for name, tt := range map[string]struct {
		each   bool
		budget []netstatstest.Option
	}{
		"one connection for all": {false, []netstatstest.Option{
			netstatstest.MaxDials(1),
			netstatstest.MaxSent(64),
		}},
		"one for each": {true, []netstatstest.Option{
			netstatstest.EachServer(netstatstest.MaxDials(3), netstatstest.MaxOpen(3)),
			netstatstest.MaxDialTime(time.Minute),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := netstatstest.Watch(t, tt.budget...)
			dial := w.Tracker().WrapDial(piped) // any dial function; this one needs no network
			if err := ask(t.Context(), dial, tt.each, "who", "what", "why"); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// greet is of the program under test. It dials by itself, and nobody can give it a
// dialer.
func greet(ctx context.Context, address string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}

func TestGreet(t *testing.T) {
	for _, name := range []string{"alice", "bob"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(hello))
			t.Cleanup(server.Close)

			w := netstatstest.Watch(t, netstatstest.MaxDials(1))
			if !w.Captures() {
				t.Skip("only go tool netstats test sees what is dialed without our Dialer")
			}
			if err := greet(w.Context(), server.Listener.Addr().String()); err != nil {
				t.Fatal(err)
			}
		})
	}
}
