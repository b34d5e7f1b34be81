package connz_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/netstats-go/netstats/internal/testnet"
	"github.com/netstats-go/netstats/otelnetstats"
	"github.com/netstats-go/netstats/otelnetstats/connz"
)

func TestDefaultGuard(t *testing.T) {
	h := connz.Handler(newTracker(t))
	from := func(address string) func(*http.Request) { return func(r *http.Request) { r.RemoteAddr = address } }
	host := func(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	over := func(addr net.Addr) func(*http.Request) {
		return func(r *http.Request) {
			*r = *r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, addr))
			r.RemoteAddr = "@"
		}
	}
	for name, test := range map[string]struct {
		change func(*http.Request)
		see    bool
	}{
		"loopback":              {from("127.0.0.1:5"), true},
		"loopback IPv6":         {from("[::1]:5"), true},
		"loopback, mapped":      {from("[::ffff:127.0.0.1]:5"), true},
		"other loopback":        {from("127.8.8.8:5"), true},
		"stranger":              {from("192.0.2.1:5"), false},
		"stranger IPv6":         {from("[2001:db8::1]:5"), false},
		"no address":            {from(""), false},
		"a name as address":     {from("localhost:5"), false},
		"unix socket":           {over(&net.UnixAddr{Name: "/run/x", Net: "unix"}), true},
		"@ over TCP":            {over(&net.TCPAddr{}), false},
		"nil unix address":      {over((*net.UnixAddr)(nil)), false},
		"localhost":             {host("localhost"), true},
		"LOCALHOST.":            {host("LOCALHOST.:6061"), true},
		"127.0.0.1":             {host("127.0.0.1:80"), true},
		"[::1]":                 {host("[::1]:80"), true},
		"[::1] without a port":  {host("[::1]"), true},
		"app.localhost":         {host("app.localhost:80"), true},
		"rebound name":          {host("evil.example:6061"), false},
		"name like localhost":   {host("localhost.evil.example"), false},
		"name like an address":  {host("127.0.0.1.evil.example"), false},
		"evillocalhost":         {host("evillocalhost:1"), false},
		"no host":               {host(""), false},
		"other address as host": {host("192.0.2.1:6061"), false},
		"same origin":           {header("Sec-Fetch-Site", "same-origin"), true},
		"typed by the user":     {header("Sec-Fetch-Site", "none"), true},
		"cross site":            {header("Sec-Fetch-Site", "cross-site"), false},
		"same site":             {header("Sec-Fetch-Site", "same-site"), false},
		"forwarded":             {header("X-Forwarded-For", "192.0.2.1"), false},
		"Forwarded":             {header("Forwarded", "for=192.0.2.1"), false},
	} {
		for _, target := range []string{"/", "/conns.json", "/connz.js", "/nothing"} {
			w := ask(t, h, target, test.change)
			if refused := w.Code == http.StatusForbidden; refused == test.see {
				t.Errorf("%s: %s: status %d", name, target, w.Code)
			}
		}
	}
}

// TestEveryAnswerIsHardened: also those that are refused.
func TestEveryAnswerIsHardened(t *testing.T) {
	h := connz.Handler(newTracker(t))
	for _, target := range []string{"/", "/conns.json", "/?format=text", "/connz.css", "/nothing", "/?limit=x&format=json"} {
		for _, change := range []func(*http.Request){
			func(*http.Request) {},
			func(r *http.Request) { r.Host = "evil.example" },
			func(r *http.Request) { r.Method = http.MethodPost },
		} {
			w := ask(t, h, target, change)
			csp := w.Header().Get("Content-Security-Policy")
			if !strings.HasPrefix(csp, "default-src 'none';") || strings.Contains(csp, "unsafe") || !strings.Contains(csp, "frame-ancestors 'none'") {
				t.Errorf("%s: policy %q", target, csp)
			}
			for name, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
				"Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
				"Access-Control-Allow-Origin": "",
			} {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s: %s: %q, want %q", target, name, got, want)
				}
			}
			if w.Header().Get("Content-Type") == "" {
				t.Errorf("%s has no type", target)
			}
		}
	}
}

// TestThePageHasNothingThatThePolicyForbids: no script, style or picture in it, and
// none from elsewhere.
func TestThePageHasNothingThatThePolicyForbids(t *testing.T) {
	tracker := newTracker(t)
	h := connz.Handler(tracker)
	dial(t, &otelnetstats.Dialer{Tracker: tracker}, echo(t))
	page := parse(t, body(t, h, "/?open=1"))
	for n := range page.Descendants() {
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "src" && strings.Contains(a.Val, "/") {
				t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
			}
		}
		if n.Data == "style" || n.Data == "iframe" || n.Data == "script" && n.FirstChild != nil {
			t.Errorf("<%s> in the page", n.Data)
		}
	}
}

// TestGuardThatHidesNames: who may see numbers only finds no name by any way.
func TestGuardThatHidesNames(t *testing.T) {
	tracker := newTracker(t)
	h := connz.Handler(tracker, connz.WithGuard(func(r *http.Request) (see, names bool) {
		return r.Header.Get("User") != "", r.Header.Get("User") == "admin"
	}))
	address := echo(t)
	d := &otelnetstats.Dialer{Tracker: tracker, Base: to(address), Name: "secretpool"}
	c := dial(t, d, "secret.example:443")
	exchange(t, c, 1234)
	otelnetstats.Mark(t.Context(), c, "secretmark")
	gone := dial(t, d, "secret.example:443")
	testnet.Must(t, gone.Close())
	_, err := (&otelnetstats.Dialer{Tracker: tracker, Name: "secretpool"}).DialContext(t.Context(), "unix", "/nowhere/secret.sock")
	if err == nil {
		t.Fatal("the dial did not fail")
	}
	as := func(user string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("User", user); r.RemoteAddr = "192.0.2.1:1" }
	}
	if w := ask(t, h, "/"); w.Code != http.StatusForbidden {
		t.Errorf("nobody: status %d", w.Code)
	}
	port := address[strings.LastIndexByte(address, ':'):]
	found := 0
	for _, state := range []string{"open", "closed", "failed"} {
		for _, target := range []string{"/?", "/conns.json?", "/?format=text&", "/?group=server&", "/?open=1&", "/conns.json?open=f1&", "/conns.json?open=1&"} {
			target += "state=" + state
			w := ask(t, h, target, as("guest"))
			if w.Code != http.StatusOK {
				t.Fatalf("%s: status %d", target, w.Code)
			}
			for _, name := range []string{"secret", port, "/nowhere"} {
				if strings.Contains(w.Body.String(), name) {
					t.Errorf("%s shows %s to a guest", target, name)
				}
				if strings.Contains(ask(t, h, target, as("admin")).Body.String(), name) {
					found++
				}
			}
		}
		for _, q := range []string{"secret", "server:secret", "peer:127", "dialer:secret", "error:nowhere", "mark:secret"} {
			if w := ask(t, h, "/?format=text&state="+state+"&q="+q, as("guest")); !strings.Contains(w.Body.String(), "\n0 of ") {
				t.Errorf("%s of %s finds something:\n%s", q, state, w.Body)
			}
		}
	}
	if found < 20 {
		t.Errorf("an admin sees the names %d times only", found)
	}
	for user, want := range map[string]bool{"guest": false, "admin": true} {
		z, err := gzip.NewReader(ask(t, h, "/profile", as(user)).Body)
		testnet.Must(t, err)
		profile, err := io.ReadAll(z)
		testnet.Must(t, err)
		if got := bytes.Contains(profile, []byte("secret.example")); got != want {
			t.Errorf("the profile of the %s has names: %v", user, got)
		}
	}
	if w := ask(t, h, "/?format=text", as("guest")); !strings.Contains(w.Body.String(), "1.23 kB") {
		t.Errorf("a guest does not see the numbers:\n%s", w.Body)
	}
}
