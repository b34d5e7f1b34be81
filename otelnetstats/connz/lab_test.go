package connz_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/netstats-go/netstats/internal/testnet"
	"github.com/netstats-go/netstats/otelnetstats"
)

func newTracker(t testing.TB, opts ...otelnetstats.Option) *otelnetstats.Tracker {
	t.Helper()
	provider := sdktrace.NewTracerProvider()
	tracker, err := otelnetstats.New(append(opts, otelnetstats.WithTracerProvider(provider))...)
	testnet.Must(t, err)
	t.Cleanup(func() { testnet.Must(t, tracker.Shutdown(context.WithoutCancel(t.Context()))) })
	return tracker
}

// echo answers with what it is sent, until the test ends.
func echo(t testing.TB) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	testnet.Must(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	t.Cleanup(func() { ln.Close(); <-done })
	return ln.Addr().String()
}

// to has each dial lead to the address, whatever name it has.
func to(address string) otelnetstats.ContextDialer {
	return otelnetstats.DialFunc(func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	})
}

func dial(t testing.TB, d *otelnetstats.Dialer, name string) net.Conn {
	t.Helper()
	c, err := d.DialContext(t.Context(), "tcp", name)
	testnet.Must(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// exchange sends n bytes and reads them back.
func exchange(t testing.TB, c net.Conn, n int) {
	t.Helper()
	b := make([]byte, n)
	testnet.Send(t, c, b)
	testnet.Receive(t, c, b)
}

// ask is answered by a handler as if it were asked on the same machine.
func ask(t testing.TB, h http.Handler, target string, changes ...func(*http.Request)) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost:6061"+target, nil)
	r.RemoteAddr = "127.0.0.1:1024"
	for _, change := range changes {
		change(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// body is the answer to a request that is good.
func body(t testing.TB, h http.Handler, target string) string {
	t.Helper()
	w := ask(t, h, target)
	if w.Code != http.StatusOK {
		t.Fatalf("GET %s: status %d: %s", target, w.Code, w.Body)
	}
	return w.Body.String()
}

// A document is what a reader takes from conns.json: its names are written down here
// once more, so that a change shows.
type document struct {
	Version int
	Time    time.Time
	Since   time.Time
	State   string
	Kept    map[string]int
	Matched int
	Totals  struct {
		Open, Ended, Broken, Failed, Received, Sent int64
	}
	History     []struct{ Open int64 }
	Connections []connection
	Groups      []struct {
		Name           string
		Count          int
		States         map[string]int
		Received, Sent int64
	}
	Opened *struct {
		connection
		Stack  []string
		Events []struct {
			Kind, Name     string
			At, Took       float64
			Received, Sent int64
		}
	}
}

type connection struct {
	ID, State, Role, Network, Server, Dialer, Local, Peer, Caller, Mark, Error string
	ErrorType                                                                  string `json:"error_type"`
	Age                                                                        float64
	Idle, RTT                                                                  *float64
	Received, Sent, Reads, Writes                                              int64
	Marks                                                                      int
	Setup                                                                      *struct {
		Total float64
		Steps []struct {
			Kind, Name string
			Took       float64
		}
	}
	TLS   *struct{ Version, Cipher, Protocol string }
	Trace *struct {
		TraceID string `json:"trace_id"`
		Sampled bool
	}
}

func conns(t testing.TB, h http.Handler, query string) (d document) {
	t.Helper()
	text := body(t, h, "/conns.json?"+query)
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if d.Version != 1 {
		t.Errorf("version %d", d.Version)
	}
	return d
}

// eventually waits for what is about to be shown: a look is good for a while.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: this has not come true", what)
		}
	}
}

func query(pairs ...string) string {
	q := make(url.Values)
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return q.Encode()
}

// parse reads a page as a browser does.
func parse(t testing.TB, page string) *html.Node {
	t.Helper()
	n, err := html.Parse(strings.NewReader(page))
	testnet.Must(t, err)
	return n
}

// elements are those of HTML with a name, in order.
func elements(n *html.Node, name string) (all []*html.Node) {
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && d.Namespace == "" && d.Data == name {
			all = append(all, d)
		}
	}
	return all
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// text is what an element says.
func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// rows are the lines of the table of connections, by what they show.
func rows(n *html.Node) map[string]*html.Node {
	all := make(map[string]*html.Node)
	for _, row := range elements(n, "tr") {
		if key := attribute(row, "data-key"); key != "" {
			all[key] = row
		}
	}
	return all
}
