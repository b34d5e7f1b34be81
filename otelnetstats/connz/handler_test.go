package connz_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/netstats-go/netstats/internal/testnet"
	"github.com/netstats-go/netstats/otelnetstats"
	"github.com/netstats-go/netstats/otelnetstats/connz"
)

// TestBytesAreTheConnections: on the page, as text and as JSON.
func TestBytesAreTheConnections(t *testing.T) {
	tracker := newTracker(t)
	h := connz.Handler(tracker)
	c := dial(t, &otelnetstats.Dialer{Tracker: tracker, Name: "pool"}, echo(t))
	exchange(t, c, 70_000)
	otelnetstats.Mark(t.Context(), c, "login")
	exchange(t, c, 1234)
	record, _ := otelnetstats.Lookup(c)
	want, id := record.Stats(), strconv.FormatUint(record.ID(), 10)

	check := func(state string) {
		t.Helper()
		d := conns(t, h, query("state", state, "open", id))
		if len(d.Connections) != 1 || d.Matched != 1 || d.Kept[state] != 1 {
			t.Fatalf("%+v, want one connection", d)
		}
		j := d.Connections[0]
		if j.Received != want.Received.Bytes || j.Sent != want.Sent.Bytes || j.Reads != want.Received.Operations || j.Writes != want.Sent.Operations {
			t.Errorf("%+v, want the numbers of %+v", j, want)
		}
		if d.Totals.Received != want.Received.Bytes || d.Totals.Sent != want.Sent.Bytes {
			t.Errorf("totals %+v", d.Totals)
		}
		if j.ID != id || j.Server != record.Address() || j.Peer != record.RemoteAddr().String() || j.Local != record.LocalAddr().String() ||
			j.Dialer != "pool" || j.Role != "client" || j.Marks != 1 || j.Mark != "login" || j.Trace.TraceID != record.SpanContext().TraceID().String() {
			t.Errorf("%+v is not the connection", j)
		}
		if len(j.Setup.Steps) != 1 || j.Setup.Steps[0].Kind != "connect" || j.Setup.Total != record.Setup().Total.Seconds() {
			t.Errorf("setup %+v", j.Setup)
		}
		var received int64
		for _, e := range d.Opened.Events {
			if e.Kind == "read" {
				received += e.Received
			}
		}
		if received != want.Received.Bytes {
			t.Errorf("its reads have %d bytes, want %d", received, want.Received.Bytes)
		}
		row := text(rows(parse(t, body(t, h, "/?"+query("state", state, "open", id))))["d"+id])
		for _, s := range []string{"71,234 B in " + strconv.FormatInt(want.Received.Operations, 10) + " calls", "71,234 B in 2 calls", "login"} {
			if !strings.Contains(row, s) {
				t.Errorf("the row lacks %q:\n%s", s, row)
			}
		}
		if s := body(t, h, "/?"+query("state", state, "format", "text")); !strings.Contains(s, "71.2 kB") || !strings.Contains(s, record.Address()) {
			t.Errorf("text:\n%s", s)
		}
	}
	check("open")
	testnet.Must(t, c.Close())
	check("closed")
	if s := conns(t, h, "state=closed").Connections[0].State; s != string(record.CloseReason()) {
		t.Errorf("it ended by %s, want %s", s, record.CloseReason())
	}
}

func TestFailedDials(t *testing.T) {
	tracker := newTracker(t)
	h := connz.Handler(tracker)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	testnet.Must(t, err)
	address := ln.Addr().String()
	ln.Close()
	_, err = (&otelnetstats.Dialer{Tracker: tracker}).DialContext(t.Context(), "tcp", address)
	d := conns(t, h, "state=failed&open=f1")
	if len(d.Connections) != 1 || d.Totals.Failed != 1 {
		t.Fatalf("%+v, want one dial", d)
	}
	if j := d.Connections[0]; j.ID != "f1" || j.State != "failed" || j.ErrorType == "" || j.Error != err.Error() || j.Server != address || d.Opened == nil {
		t.Errorf("dial %+v", j)
	}
	page := text(rows(parse(t, body(t, h, "/?state=failed")))["f1"])
	if !strings.Contains(page, address) || !strings.Contains(page, err.Error()) {
		t.Errorf("the row says %s", page)
	}
}

func TestTLSIsShown(t *testing.T) {
	srv := httptest.NewTLSServer(http.NotFoundHandler())
	defer srv.Close()
	config := srv.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	config.ServerName, config.NextProtos = "example.com", []string{"http/1.1"}
	tracker := newTracker(t)
	h := connz.Handler(tracker)
	conn, err := (&otelnetstats.Dialer{Tracker: tracker}).TLS(config)(t.Context(), "tcp", srv.Listener.Addr().String())
	testnet.Must(t, err)
	defer conn.Close()
	want := conn.(*tls.Conn).ConnectionState()
	d := conns(t, h, query("q", `protocol:"tls 1.3 http/1.1"`))
	if len(d.Connections) != 1 {
		t.Fatalf("%+v, want one connection", d)
	}
	if j := d.Connections[0].TLS; j == nil || j.Version != "1.3" || j.Protocol != "http/1.1" || j.Cipher != tls.CipherSuiteName(want.CipherSuite) {
		t.Errorf("TLS %+v", j)
	}
}

// TestPrefixes: the handler works wherever it is mounted, and each of several shows
// its own Tracker.
func TestPrefixes(t *testing.T) {
	address := echo(t)
	mux := http.NewServeMux()
	for i, prefix := range []string{"/", "/debug/connz/", "/a/b/c/"} {
		tracker := newTracker(t)
		for range i + 1 {
			dial(t, &otelnetstats.Dialer{Tracker: tracker}, address)
		}
		mux.Handle(prefix, connz.Handler(tracker))
	}
	stripped := newTracker(t)
	mux.Handle("/stripped/", http.StripPrefix("/stripped", connz.Handler(stripped)))
	mux.Handle("/bare/", http.StripPrefix("/bare/", connz.Handler(stripped)))
	for prefix, want := range map[string]int{"/": 1, "/debug/connz/": 2, "/a/b/c/": 3, "/stripped/": 0, "/bare/": 0} {
		page := parse(t, body(t, mux, prefix))
		if n := len(rows(page)); n != want {
			t.Errorf("%s: %d rows, want %d", prefix, n, want)
		}
		for _, link := range elements(page, "link") {
			body(t, mux, prefix+attribute(link, "href"))
		}
		for _, script := range elements(page, "script") {
			body(t, mux, prefix+attribute(script, "src"))
		}
		body(t, mux, prefix+"conns.json")
	}
	if w := ask(t, mux, "/debug/connz/nothing"); w.Code != http.StatusNotFound {
		t.Errorf("a page that is not there: status %d", w.Code)
	}
}

// TestTwoHandlersOfOneTracker show the same.
func TestTwoHandlersOfOneTracker(t *testing.T) {
	tracker := newTracker(t)
	a, b := connz.Handler(tracker), connz.Handler(tracker)
	c := dial(t, &otelnetstats.Dialer{Tracker: tracker}, echo(t))
	testnet.Must(t, c.Close())
	if n, m := conns(t, a, "state=closed").Matched, conns(t, b, "state=closed").Matched; n != 1 || m != 1 {
		t.Errorf("%d and %d ended, want 1", n, m)
	}
}

func TestHandlerWithoutATracker(t *testing.T) {
	if w := ask(t, connz.Handler(new(otelnetstats.Tracker)), "/"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("a zero Tracker: status %d", w.Code)
	}
	h := connz.Handler(nil)
	c := dial(t, new(otelnetstats.Dialer), echo(t))
	record, _ := otelnetstats.Lookup(c)
	if d := conns(t, h, "q=id="+strconv.FormatUint(record.ID(), 10)); d.Matched != 1 {
		t.Errorf("the default Tracker's connection is not shown: %+v", d)
	}
}

// TestNothingRegistersItself, and a handler does not listen.
func TestNothingRegistersItself(t *testing.T) {
	connz.Handler(newTracker(t))
	for _, path := range []string{"/", "/debug/connz/", "/conns.json"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		if _, pattern := http.DefaultServeMux.Handler(r); pattern != "" {
			t.Errorf("%s is served by the default mux, as %s", path, pattern)
		}
	}
}

func TestMethods(t *testing.T) {
	h := connz.Handler(newTracker(t))
	srv := httptest.NewServer(h)
	defer srv.Close()
	for method, want := range map[string]int{"GET": 200, "HEAD": 200, "POST": 405, "PUT": 405, "DELETE": 405, "OPTIONS": 405} {
		r, err := http.NewRequestWithContext(t.Context(), method, srv.URL, strings.NewReader(""))
		testnet.Must(t, err)
		resp, err := srv.Client().Do(r)
		testnet.Must(t, err)
		b, err := io.ReadAll(resp.Body)
		testnet.Must(t, err)
		resp.Body.Close()
		if resp.StatusCode != want || method == "HEAD" && len(b) != 0 {
			t.Errorf("%s: status %d and %d bytes, want %d", method, resp.StatusCode, len(b), want)
		}
	}
}

// TestMistakesAreTold: by the page, which shows what it can, and as an error elsewhere.
func TestMistakesAreTold(t *testing.T) {
	h := connz.Handler(newTracker(t))
	for q, want := range map[string]string{
		"state=gone":                          "there are open, closed and failed",
		"q=rtt>fast":                          "a duration is wanted",
		"q=received>much":                     "a number is wanted",
		"q=age:5":                             "compared with &lt; or &gt;",
		"q=" + strings.Repeat("x", 600):       "longer than",
		"sort=height":                         "no such column",
		"state=failed&sort=rtt":               "no such column",
		"group=color":                         "there are server and caller",
		"limit=-1":                            "a number is wanted",
		"sort=<script>alert(1)</script>":      "&lt;script&gt;",
		"group=%1b[31m&limit=" + "%e2%80%ae1": `\x1b`,
	} {
		w := ask(t, h, "/?"+q)
		if !strings.Contains(w.Body.String(), want) || !strings.Contains(w.Body.String(), "</html>") {
			t.Errorf("%s: the page does not say %q", q, want)
		}
		if n := len(elements(parse(t, w.Body.String()), "script")); n != 1 {
			t.Errorf("%s: %d scripts", q, n)
		}
		for _, target := range []string{"/conns.json?", "/?format=text&"} {
			if w := ask(t, h, target+q); w.Code != http.StatusBadRequest || strings.ContainsAny(w.Body.String(), "\x1b\u202e") {
				t.Errorf("%s%s: status %d: %s", target, q, w.Code, w.Body)
			}
		}
	}
	if w := ask(t, h, "/?format=xml"); w.Code != http.StatusBadRequest {
		t.Errorf("format=xml: status %d", w.Code)
	}
}

// TestWhatIsShownIsBounded, by whatever number of connections there are.
func TestWhatIsShownIsBounded(t *testing.T) {
	const n = 1500
	tracker := newTracker(t)
	h := connz.Handler(tracker)
	d := &otelnetstats.Dialer{Tracker: tracker, Base: pipes{}}
	for i := range n {
		c := dial(t, d, fmt.Sprintf("host%d:1", i))
		exchange(t, c, 1+i%7)
	}
	for query, want := range map[string]int{"": 200, "limit=3": 3, "limit=100000": n, "q=host7:": 1, "q=-host": 0} {
		d := conns(t, h, query)
		if len(d.Connections) != want || d.Kept["open"] != n {
			t.Errorf("%q: %d of %d connections, want %d", query, len(d.Connections), d.Kept["open"], want)
		}
	}
	page := body(t, h, "/?limit=100000")
	if n := len(rows(parse(t, page))); n != 200 || len(page) > 400_000 {
		t.Errorf("%d rows in %d bytes", n, len(page))
	}
	if !strings.Contains(page, "1,500 of 1,500 open, the first 200 shown") {
		t.Error("the page does not say how many are left out")
	}
	if lines := strings.Count(body(t, h, "/?format=text"), "\n"); lines > 210 {
		t.Errorf("%d lines of text", lines)
	}
	if g := conns(t, h, "group=server"); len(g.Groups) != 200 || g.Matched != n {
		t.Errorf("%d groups", len(g.Groups))
	}
}

// pipes are connections that nobody has to accept.
type pipes struct{}

func (pipes) DialContext(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	go func() {
		defer server.Close()
		_, _ = io.Copy(server, server)
	}()
	return client, nil
}

func TestSortAndGroup(t *testing.T) {
	tracker := newTracker(t)
	h := connz.Handler(tracker)
	d := &otelnetstats.Dialer{Tracker: tracker, Base: pipes{}}
	for i, name := range []string{"b:1", "a:1", "b:1", "c:1"} {
		exchange(t, dial(t, d, name), 100*(i+1))
	}
	order := func(sort string) (names []string) {
		for _, c := range conns(t, h, "sort="+sort).Connections {
			names = append(names, fmt.Sprintf("%s %d", c.Server, c.Received))
		}
		return names
	}
	for sort, want := range map[string]string{
		"":          "[b:1 100 a:1 200 b:1 300 c:1 400]",
		"-received": "[c:1 400 b:1 300 a:1 200 b:1 100]",
		"server":    "[a:1 200 b:1 100 b:1 300 c:1 400]",
	} {
		if got := fmt.Sprint(order(sort)); got != want {
			t.Errorf("sort=%s: %s, want %s", sort, got, want)
		}
	}
	groups := conns(t, h, "group=server").Groups
	if len(groups) != 3 || groups[0].Name != "b:1" || groups[0].Count != 2 || groups[0].Received != 400 || groups[0].States["open"] != 2 {
		t.Errorf("groups %+v", groups)
	}
	// The page marks the order, and its links turn it around.
	for _, th := range elements(parse(t, body(t, h, "/?sort=-received")), "th") {
		if strings.HasPrefix(attribute(th, "class"), "c-received") && attribute(th, "scope") == "col" {
			if attribute(th, "aria-sort") != "descending" || attribute(elements(th, "a")[0], "href") != "?sort=received" {
				t.Errorf("the head of the column: %v", th.Attr)
			}
			return
		}
	}
	t.Error("the page has no such column")
}

// TestViewsKeepWhatTheyAre: each link of the page leads to a view that is good.
func TestViewsKeepWhatTheyAre(t *testing.T) {
	tracker := newTracker(t)
	h := connz.Handler(tracker)
	dial(t, &otelnetstats.Dialer{Tracker: tracker, Base: pipes{}}, `a "b" & <c>:1`)
	seen := make(map[string]bool)
	var visit func(href string, depth int)
	visit = func(href string, depth int) {
		if seen[href] || depth > 2 {
			return
		}
		seen[href] = true
		page := parse(t, body(t, h, "/"+href))
		for _, a := range elements(page, "a") {
			if to := attribute(a, "href"); strings.HasPrefix(to, "?") {
				visit(to, depth+1)
			}
		}
	}
	visit("?q=open", 0)
	if len(seen) < 30 {
		t.Errorf("%d views were visited only", len(seen))
	}
}

func TestTraceLinks(t *testing.T) {
	tracker := newTracker(t)
	c := dial(t, &otelnetstats.Dialer{Tracker: tracker, Base: pipes{}}, "a:1")
	record, _ := otelnetstats.Lookup(c)
	id := strconv.FormatUint(record.ID(), 10)
	links := func(template string) (all []string) {
		page := parse(t, body(t, connz.Handler(tracker, connz.WithTraceURL(template)), "/?open="+id))
		for _, a := range elements(page, "a") {
			if text(a) == "Open its trace" {
				all = append(all, attribute(a, "href"))
			}
		}
		return all
	}
	sc := record.SpanContext()
	want := "https://jaeger.example/trace/" + sc.TraceID().String() + "?uiFind=" + sc.SpanID().String()
	if got := links("https://jaeger.example/trace/{trace_id}?uiFind={span_id}"); len(got) != 1 || got[0] != want {
		t.Errorf("links %q, want %q", got, want)
	}
	if got := links("javascript:alert('{trace_id}')"); len(got) != 1 || strings.Contains(got[0], "alert") {
		t.Errorf("links %q to a script", got)
	}
	if got := links(""); got != nil {
		t.Errorf("links %q, want none", got)
	}
}

// TestViewersConcurrentSafe: several look while connections come, work and go.
func TestViewersConcurrentSafe(t *testing.T) {
	tracker := newTracker(t, otelnetstats.WithDialStacks())
	h := connz.Handler(tracker)
	d := &otelnetstats.Dialer{Tracker: tracker, Base: pipes{}}
	var working, looking sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		working.Go(func() {
			for range 40 {
				c, err := d.DialContext(t.Context(), "tcp", "a:1")
				if err != nil {
					t.Error(err)
					return
				}
				otelnetstats.Mark(t.Context(), c, "m")
				exchange(t, c, 10)
				c.Close()
			}
		})
	}
	for _, target := range []string{"/?open=3&sort=-rtt", "/conns.json?state=closed", "/?format=text&group=caller", "/?state=failed"} {
		looking.Go(func() {
			for {
				body(t, h, target)
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	working.Wait()
	close(done)
	looking.Wait()
	eventually(t, "all that ended and moved is in the totals", func() bool {
		d := conns(t, h, "state=closed")
		return d.Totals.Ended == 160 && d.Totals.Received == 1600
	})
}

// TestAnAddressIsOne: what JSON has of a peer is what net/netip understands.
func TestAnAddressIsOne(t *testing.T) {
	tracker := newTracker(t)
	h := connz.Handler(tracker)
	dial(t, &otelnetstats.Dialer{Tracker: tracker, Base: to(echo(t))}, "name.test:443")
	c := conns(t, h, "").Connections[0]
	for _, s := range []string{c.Local, c.Peer} {
		if _, err := netip.ParseAddrPort(s); err != nil {
			t.Error(err)
		}
	}
}
