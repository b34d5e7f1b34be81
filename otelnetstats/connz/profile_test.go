package connz_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/netstats-go/netstats/internal/testnet"
	"github.com/netstats-go/netstats/otelnetstats"
	"github.com/netstats-go/netstats/otelnetstats/connz"
)

// pprof has the real tool show profiles that were written to files.
func pprof(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"tool", "pprof", "-symbolize=none"}, args...)...)
	cmd.Env = append(os.Environ(), "PPROF_TMPDIR="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go tool pprof %s: %v\n%s", args, err, out)
	}
	return string(out)
}

// save asks for a profile and writes it to a file.
func save(t *testing.T, h http.Handler, target string) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "connections.pb.gz")
	testnet.Must(t, os.WriteFile(file, []byte(body(t, h, target)), 0o600))
	return file
}

// openFor and fetchFor are two places that dial.
//
//go:noinline
func openFor(t *testing.T, d *otelnetstats.Dialer, name string) net.Conn { return dial(t, d, name) }

//go:noinline
func fetchFor(t *testing.T, d *otelnetstats.Dialer, name string) net.Conn { return dial(t, d, name) }

// TestProfileInGoToolPprof: bytes and connections by the stack of the dial.
func TestProfileInGoToolPprof(t *testing.T) {
	tracker := newTracker(t, otelnetstats.WithDialStacks())
	h := connz.Handler(tracker)
	d := &otelnetstats.Dialer{Tracker: tracker, Base: pipes{}}
	exchange(t, openFor(t, d, "api.test:443"), 1000)
	gone := fetchFor(t, d, "db.test:5432")
	exchange(t, gone, 20_000)
	testnet.Must(t, gone.Close())
	before := save(t, h, "/profile")
	exchange(t, openFor(t, d, "api.test:443"), 5000)
	after := save(t, h, "/profile")

	want := func(text string, parts ...string) {
		t.Helper()
		for line := range strings.Lines(text) {
			found := true
			for _, part := range parts {
				found = found && strings.Contains(line, part)
			}
			if found {
				return
			}
		}
		t.Errorf("no line has %q:\n%s", parts, text)
	}
	open := pprof(t, "-top", "-cum", after)
	want(open, "Type: open")
	want(open, "2", "100%", "connz_test.openFor")
	if strings.Contains(open, "fetchFor") || strings.Contains(open, "otelnetstats.(*Dialer)") {
		t.Errorf("what is not open, or is not the caller's:\n%s", open)
	}
	received := pprof(t, "-top", "-cum", "-sample_index=received", "-unit=B", after)
	want(received, "20000B", "connz_test.fetchFor")
	want(received, "6000B", "connz_test.openFor")
	want(pprof(t, "-top", "-sample_index=connections", "-tagfocus=server=db.test:5432", after), "of 3 total")
	tags := pprof(t, "-tags", "-sample_index=sent", "-unit=B", after)
	want(tags, "20000", "db.test:5432")
	want(tags, "6000", "api.test:443")
	want(tags, "20000", "local") // the reason
	diff := pprof(t, "-top", "-cum", "-sample_index=received", "-unit=B", "-diff_base="+before, after)
	want(diff, "5000B", "connz_test.openFor")
	if strings.Contains(diff, "20000B  ") {
		t.Errorf("what was there before is in the difference:\n%s", diff)
	}
}

// TestProfileWithoutStacks has the caller in their place.
func TestProfileWithoutStacks(t *testing.T) {
	tracker := newTracker(t, otelnetstats.WithCaller())
	h := connz.Handler(tracker)
	dial(t, &otelnetstats.Dialer{Tracker: tracker, Base: pipes{}}, "a:1")
	if s := pprof(t, "-top", save(t, h, "/profile")); !strings.Contains(s, "otelnetstats/connz_test") {
		t.Errorf("no caller:\n%s", s)
	}
}

// TestProfileOfAWhile is of what happens meanwhile, also where the server allows less
// time for an answer.
func TestProfileOfAWhile(t *testing.T) {
	tracker := newTracker(t)
	d := &otelnetstats.Dialer{Tracker: tracker, Base: pipes{}}
	kept := dial(t, d, "a:1")
	exchange(t, kept, 20_000)
	exchange(t, dial(t, d, "a:1"), 20_000)
	srv := httptest.NewUnstartedServer(connz.Handler(tracker))
	srv.Config.WriteTimeout = 100 * time.Millisecond
	srv.Start()
	defer srv.Close()
	var meanwhile int64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for ; ; meanwhile += 10 {
			exchange(t, kept, 10)
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	file := filepath.Join(t.TempDir(), "delta.pb.gz")
	pprof(t, "-proto", "-output="+file, srv.URL+"/profile?seconds=1")
	close(stop)
	<-stopped
	top := pprof(t, "-top", "-sample_index=received", "-unit=B", file)
	var got int64
	if m := regexp.MustCompile(`of (\d+)B total`).FindStringSubmatch(top); m != nil {
		got, _ = strconv.ParseInt(m[1], 10, 64)
	}
	if got <= 0 || got > meanwhile+10 {
		t.Errorf("%d bytes, of %d that were received meanwhile:\n%s", got, meanwhile, top)
	}
	if open := pprof(t, "-top", "-sample_index=open", file); !strings.Contains(open, "of 2 total") {
		t.Errorf("open:\n%s", open)
	}
	for _, q := range []string{"0", "-1", "x", "301", "99999999999999999999"} {
		if w := ask(t, srv.Config.Handler, "/profile?seconds="+q); w.Code != http.StatusBadRequest {
			t.Errorf("seconds=%s: status %d", q, w.Code)
		}
	}
}
