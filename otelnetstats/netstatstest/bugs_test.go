package netstatstest_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/net/websocket"

	"github.com/netstats-go/netstats/internal/testnet"
	"github.com/netstats-go/netstats/otelnetstats"
	"github.com/netstats-go/netstats/otelnetstats/netstatstest"
)

const bodySize = 1 << 20 // more than buffers hold

// newServer starts one that answers by a large body.
func newServer(t *testing.T) *httptest.Server {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", bodySize))
	}))
	t.Cleanup(server.Close)
	return server
}

func get(ctx context.Context, t testing.TB, client *http.Client, url string) *http.Response {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	testnet.Must(t, err)
	resp, err := client.Do(req)
	testnet.Must(t, err)
	return resp
}

// fetch reads the body to its end, as a program should.
func fetch(t testing.TB, client *http.Client, url string) {
	resp := get(t.Context(), t, client, url)
	_, err := io.Copy(io.Discard, resp.Body)
	testnet.Must(t, err)
	testnet.Must(t, resp.Body.Close())
}

func TestOneClientKeepsItsConnection(t *testing.T) {
	server := newServer(t)
	f := run(t, func(t *fakeT) {
		w := netstatstest.Watch(t,
			netstatstest.MaxDials(1),
			netstatstest.MaxOpen(1),
			netstatstest.MaxIdle(1),
			netstatstest.MaxFailedDials(0),
			netstatstest.MaxReceived(4*bodySize),
			netstatstest.OnlyLoopback(),
			netstatstest.EachServer(netstatstest.MaxSent(4<<10)),
		)
		client := w.Client()
		for range 3 {
			fetch(t, client, server.URL)
		}
	})
	f.passes()
	for key, want := range map[string]string{"netstats.dials": "1", "netstats.idle": "1", "netstats.leaks": "0", "netstats.open.max": "1"} {
		if got := f.attrs[key]; got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
}

func TestAClientForEachRequest(t *testing.T) {
	server := newServer(t)
	run(t, func(t *fakeT) {
		w := netstatstest.Watch(t, netstatstest.MaxDials(1), netstatstest.WaitForClose(0))
		for range 3 {
			transport := &http.Transport{DialContext: w.DialContext}
			t.TB.Cleanup(transport.CloseIdleConnections)
			fetch(t, &http.Client{Transport: transport}, server.URL)
		}
	}).fails("3 dials: the budget is MaxDials(1)", "3 leaked connections: the budget is MaxLeaks(0)",
		"a client for each request", "netstatstest_test.get", "bugs_test.go:")
}

func TestABodyThatIsNotClosed(t *testing.T) {
	server := newServer(t)
	run(t, func(t *fakeT) {
		w := netstatstest.Watch(t, netstatstest.MaxDials(1), netstatstest.WaitForClose(0))
		client := w.Client()
		body := get(t.TB.Context(), t, client, server.URL).Body
		t.TB.Cleanup(func() { _ = body.Close() })
		fetch(t, client, server.URL)
	}).fails("2 dials: the budget is MaxDials(1)", "1 leaked connection", "a body that was not closed", "leaked: still open", "idle in a pool")
}

// TestABodyThatIsClosedWithTheTest: a request with the test's context gives its
// connection up when the test ends, which is not what a program has.
func TestABodyThatIsClosedWithTheTest(t *testing.T) {
	server := newServer(t)
	run(t, func(t *fakeT) {
		w := netstatstest.Watch(t, netstatstest.MaxDials(1))
		client := w.Client()
		get(t.Context(), t, client, server.URL)
		fetch(t, client, server.URL)
	}).fails("2 dials: the budget is MaxDials(1)", "a body that was not closed", "closed: with the test's context")
}

func TestABodyThatIsNotDrained(t *testing.T) {
	server := newServer(t)
	run(t, func(t *fakeT) {
		w := netstatstest.Watch(t, netstatstest.MaxDials(1))
		client := w.Client()
		for range 3 {
			testnet.Must(t, get(t.Context(), t, client, server.URL).Body.Close())
		}
	}).fails("3 dials: the budget is MaxDials(1)", "closed before they were read to the end", "closed: local")
}

func TestARetryStorm(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	testnet.Must(t, err)
	address := l.Addr().String()
	testnet.Must(t, l.Close())
	run(t, func(t *fakeT) {
		w := netstatstest.Watch(t, netstatstest.MaxFailedDials(3))
		for range 50 {
			if _, err := w.DialContext(t.Context(), "tcp", address); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("the dial's error is %v", err)
			}
		}
	}).fails("50 failed dials: the budget is MaxFailedDials(3)", "retries without a pause: 50 dials to "+address, "failed 50 times", "connection refused", "TestARetryStorm")
}

func TestAPoolThatIsTooSmall(t *testing.T) {
	const workers = 6
	server := newServer(t)
	run(t, func(t *fakeT) {
		w := netstatstest.Watch(t, netstatstest.MaxDials(workers))
		client := w.Client()
		for range 2 {
			// All bodies are held until the last one is there, so that none of the
			// connections can be used again in between.
			var bodies sync.WaitGroup
			bodies.Add(workers)
			var requests sync.WaitGroup
			for range workers {
				requests.Go(func() {
					resp := get(t.TB.Context(), t, client, server.URL)
					bodies.Done()
					bodies.Wait()
					_, err := io.Copy(io.Discard, resp.Body)
					testnet.Must(t, errors.Join(err, resp.Body.Close()))
				})
			}
			requests.Wait()
		}
	}).fails("the budget is MaxDials(6)", "a pool too small: 6 connections", "MaxIdleConnsPerHost")
}

func TestALeakedWebsocket(t *testing.T) {
	server := httptest.NewServer(websocket.Handler(func(c *websocket.Conn) { _, _ = io.Copy(c, c) }))
	t.Cleanup(server.Close)
	run(t, func(t *fakeT) {
		w := netstatstest.Watch(t, netstatstest.MaxDials(1), netstatstest.WaitForClose(0))
		conn, err := w.DialContext(t.Context(), "tcp", server.Listener.Addr().String())
		testnet.Must(t, err)
		t.TB.Cleanup(func() { _ = conn.Close() })
		config, err := websocket.NewConfig("ws"+strings.TrimPrefix(server.URL, "http"), server.URL)
		testnet.Must(t, err)
		ws, err := websocket.NewClient(config, conn)
		testnet.Must(t, err)
		otelnetstats.Mark(t.Context(), conn, "handshake")
		testnet.Send(t, ws, []byte("hello"))
		testnet.Receive(t, ws, make([]byte, len("hello")))
	}).fails("1 leaked connection", "was not closed, and is still held", "handshake", "TestALeakedWebsocket")
}

func TestALookupForEachRequest(t *testing.T) {
	server := newServer(t)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	testnet.Must(t, err)
	run(t, func(t *fakeT) {
		w := netstatstest.Watch(t, netstatstest.MaxLookups(1))
		client := w.Client()
		client.Transport.(*http.Transport).DisableKeepAlives = true
		for range 3 {
			fetch(t, client, "http://localhost:"+port)
		}
	}).fails("3 DNS lookups: the budget is MaxLookups(1)", "localhost:"+port)
}

func TestAForgottenConnection(t *testing.T) {
	server := newServer(t)
	address := server.Listener.Addr().String()
	run(t, func(t *fakeT) {
		w := netstatstest.Watch(t, netstatstest.WaitForClose(0))
		_, err := w.DialContext(t.Context(), "tcp", address)
		testnet.Must(t, err)
	}).fails("1 leaked connection", "was forgotten", "dropped without Close")
}

func TestTooManyBytes(t *testing.T) {
	server := newServer(t)
	run(t, func(t *fakeT) {
		w := netstatstest.Watch(t, netstatstest.MaxReceived(1000), netstatstest.MaxSent(10))
		fetch(t, w.Client(), server.URL)
	}).fails("received: the budget is MaxReceived(1000)", "sent: the budget is MaxSent(10)", "Most of it")
}

// TestAStranger has a server in the documentation's network, which nobody reaches.
func TestAStranger(t *testing.T) {
	none := func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no way") }
	run(t, func(t *fakeT) {
		w := netstatstest.Watch(t, netstatstest.OnlyLoopback(), netstatstest.OnlyServers("192.0.2.2"))
		_, _ = w.Tracker().WrapDial(none)(t.Context(), "tcp", "192.0.2.1:443")
		_, _ = w.Tracker().WrapDial(none)(t.Context(), "tcp", "192.0.2.2:443")
	}).fails("1 dial to 192.0.2.1:443, which is not among OnlyLoopback()", "1 dial to 192.0.2.2:443, which is not among OnlyLoopback()",
		`1 dial to 192.0.2.1:443, which is not among OnlyServers(["192.0.2.2"])`)
}
