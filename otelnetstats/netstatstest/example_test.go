package netstatstest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/netstats-go/netstats/otelnetstats/netstatstest"
)

// In a test, t is its *testing.T; here it is one that prints what fails, without the
// table of connections that goes with it.
func Example() {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	t := newExampleT()
	defer t.end()

	w := netstatstest.Watch(t, netstatstest.MaxDials(1), netstatstest.OnlyLoopback())
	client := w.Client()
	for range 3 {
		resp, err := client.Get(server.URL)
		if err != nil {
			t.Fatalf("%v", err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
	// Output: ok
}

// Someone to whom the program should not talk.
func ExampleOnlyServers() {
	t := newExampleT()
	defer t.end()

	w := netstatstest.Watch(t, netstatstest.OnlyServers("db:5432", "cache"))
	dial := w.Tracker().WrapDial(piped) // piped needs no network
	for _, address := range []string{"db:5432", "cache:6379", "metrics.example.com:443"} {
		if conn, err := dial(t.Context(), "tcp", address); err == nil {
			_ = conn.Close()
		}
	}
	// Output:
	// FAIL
	// 1 dial to metrics.example.com:443, which is not among OnlyServers(["db:5432" "cache"])
}

// A table of budgets, and a leak.
func ExampleWatch() {
	for _, tt := range []struct {
		name    string
		options []netstatstest.Option
	}{
		{"two at once", []netstatstest.Option{
			netstatstest.MaxOpen(2),
			netstatstest.MaxSent(64 << 10),
			netstatstest.EachServer(netstatstest.MaxDials(1), netstatstest.MaxDialTime(time.Minute)),
			netstatstest.MaxLeaks(2),
		}},
		{"no leaks, as always", []netstatstest.Option{netstatstest.WaitForClose(0)}},
	} {
		fmt.Println(tt.name)
		t := newExampleT()
		w := netstatstest.Watch(t, tt.options...)
		dial := w.Tracker().WrapDial(piped)
		a, _ := dial(t.Context(), "tcp", "a:1")
		b, _ := dial(t.Context(), "tcp", "b:1")
		t.end()
		_, _ = a.Close(), b.Close()
	}
	// Output:
	// two at once
	// ok
	// no leaks, as always
	// FAIL
	// 2 leaked connections: the budget is MaxLeaks(0)
	// Likely: the connection to a:1 was not closed, and is still held: is a Close missing?
}

func ExampleFor() {
	t := newExampleT()
	defer t.end()

	w := netstatstest.Watch(t, netstatstest.For("db:5432", netstatstest.MaxDials(1)))
	dial := w.Tracker().WrapDial(piped)
	for range 3 { // with a context of the Watcher's, for tests that run in parallel
		if conn, err := dial(w.Context(), "tcp", "db:5432"); err == nil {
			_ = conn.Close()
		}
	}
	// Output:
	// FAIL
	// 3 dials to db:5432: the budget is For("db:5432", MaxDials(1))
	// Likely: a connection for each request: each one to db:5432 was closed before the next was dialed.
}

// What dials by a function of its own is given the Watcher's, and the pool in it
// named: what is idle there when the test ends is no leak.
func ExampleWatcher_Pool() {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	t := newExampleT()
	defer t.end()

	w := netstatstest.Watch(t, netstatstest.MaxIdle(1))
	client := &http.Client{Transport: &http.Transport{DialContext: w.Dialer().DialContext}}
	w.Pool(client)
	req, _ := http.NewRequestWithContext(context.Background(), http.MethodGet, server.URL, nil)
	if resp, err := client.Do(req); err == nil {
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
	// Output: ok
}
