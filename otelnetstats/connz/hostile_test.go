package connz_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"

	"github.com/netstats-go/netstats/otelnetstats"
	"github.com/netstats-go/netstats/otelnetstats/connz"
)

// hostile are names that a stranger may choose.
var hostile = []string{
	`<img src=x onerror=alert(1)>`,
	`"><script>alert(1)</script>`,
	`</td></tr></table><h1>gone</h1>`,
	`</title></script><script>`,
	"\x1b[31m\x1b]0;title\x07red",
	"line\nbreak\ttab\r",
	"\u202egnp.exe",
	"\u05e9\u05dc\u05d5\u05dd",
	"bad\xff\xfeutf8\x00",
	"{{.}} ${x} %s %!d(string=x)",
	"javascript:alert(1)",
	strings.Repeat("w", 255),
	strings.Repeat("long", 5000),
	`' onmouseover='alert(1)`,
}

// TestHostileNamesStayText: on the page, in a terminal, and in JSON.
func TestHostileNamesStayText(t *testing.T) {
	tracker := newTracker(t)
	clean := parse(t, body(t, connz.Handler(tracker), "/"))
	h := connz.Handler(tracker)
	for _, name := range hostile {
		c := dial(t, &otelnetstats.Dialer{Tracker: tracker, Base: pipes{}, Name: name}, name+":443")
		otelnetstats.Mark(t.Context(), c, name)
		gone := dial(t, &otelnetstats.Dialer{Tracker: tracker, Base: pipes{}, Name: name}, name)
		gone.Close()
		_, _ = (&otelnetstats.Dialer{Tracker: tracker, Name: name}).DialContext(t.Context(), "unix", "/nowhere/"+name)
	}
	for _, state := range []string{"open", "closed", "failed"} {
		d := conns(t, h, "state="+state)
		if len(d.Connections) != len(hostile) {
			t.Fatalf("%d of %d are %s", len(d.Connections), len(hostile), state)
		}
		views := []string{"", "group=server", query("q", `"><script>`)}
		for _, c := range d.Connections {
			views = append(views, "open="+c.ID)
		}
		for _, view := range views {
			page := body(t, h, "/?state="+state+"&"+view)
			checkPage(t, view, clean, page)
			terminal := body(t, h, "/?format=text&state="+state+"&"+view)
			if strings.ContainsAny(terminal, "\x1b\x07\x00\r\u202e") || !utf8.ValidString(terminal) {
				t.Errorf("text of %s, %s:\n%q", state, view, terminal)
			}
		}
	}
}

// checkPage checks that a page has the elements of an empty one and of rows, and none
// that a name brought along.
func checkPage(t *testing.T, view string, clean *html.Node, page string) {
	t.Helper()
	if !utf8.ValidString(page) || strings.ContainsAny(page, "\x1b\x07\x00\u202e") {
		t.Errorf("%s: the page has what is not printable", view)
	}
	n := parse(t, page)
	for _, name := range []string{"script", "img", "iframe", "h1", "title", "style", "link", "form"} {
		if got, want := len(elements(n, name)), len(elements(clean, name)); got != want {
			t.Errorf("%s: %d <%s>, want %d", view, got, name, want)
		}
	}
	for d := range n.Descendants() {
		for _, a := range d.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "href" && strings.HasPrefix(a.Val, "javascript:") {
				t.Errorf("%s: <%s %s=%q>", view, d.Data, a.Key, a.Val)
			}
		}
		if len(d.Data) > 8<<10 {
			t.Errorf("%s: a text of %d bytes", view, len(d.Data))
		}
	}
}

// FuzzQuery: whatever is asked, the answer is one.
func FuzzQuery(f *testing.F) {
	for _, name := range hostile {
		f.Add(name, name, "open", name)
	}
	f.Add(`server:"a b" -state:open rtt>50ms received<=1.5MB tx>k x`, "-rtt", "closed", "1")
	tracker := newTracker(f)
	dial(f, &otelnetstats.Dialer{Tracker: tracker, Base: pipes{}}, "a:1")
	h := connz.Handler(tracker)
	f.Fuzz(func(t *testing.T, q, sort, state, open string) {
		target := "/?" + query("q", q, "sort", sort, "state", state, "open", open)
		page := ask(t, h, target)
		if page.Code != 200 && page.Code != 400 || !strings.HasSuffix(page.Body.String(), "</html>\n") {
			t.Errorf("status %d: %s", page.Code, page.Body)
		}
		if n := elements(parse(t, page.Body.String()), "script"); len(n) != 1 {
			t.Errorf("%d scripts", len(n))
		}
		if terminal := ask(t, h, target+"&format=text").Body.String(); strings.ContainsAny(terminal, "\x1b\x07\u202e") {
			t.Errorf("%q", terminal)
		}
	})
}
