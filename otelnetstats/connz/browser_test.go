package connz_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"image/png"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/netstats-go/netstats/internal/testnet"
	"github.com/netstats-go/netstats/otelnetstats"
	"github.com/netstats-go/netstats/otelnetstats/connz"
)

// browse has a real browser look at a page for some time, or skips the test: it needs
// NETSTATS_CHROMIUM, the path of a Chromium. What the page writes to the console, as of
// what its policy forbids, is an error.
func browse(t *testing.T, url string, args ...string) (stdout string) {
	t.Helper()
	chromium := os.Getenv("NETSTATS_CHROMIUM")
	if chromium == "" {
		t.Skip("NETSTATS_CHROMIUM is not set to the path of a Chromium")
	}
	cmd := exec.CommandContext(t.Context(), chromium, append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr",
		"--user-data-dir=" + t.TempDir(), "--virtual-time-budget=3500",
	}, append(args, url)...)...)
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "CONSOLE") {
			t.Errorf("%s: %s", url, line)
		}
	}
	return out.String()
}

// TestPageInABrowser: the script runs, hostile names do not, and the policy has nothing
// to forbid.
func TestPageInABrowser(t *testing.T) {
	tracker := newTracker(t)
	srv := httptest.NewServer(connz.Handler(tracker))
	defer srv.Close()
	var id uint64
	for _, name := range hostile {
		c := dial(t, &otelnetstats.Dialer{Tracker: tracker, Base: pipes{}, Name: name}, name+":443")
		otelnetstats.Mark(t.Context(), c, name)
		record, _ := otelnetstats.Lookup(c)
		id = record.ID()
	}
	page := parse(t, browse(t, fmt.Sprintf("%s/?open=%d", srv.URL, id), "--dump-dom"))
	for _, button := range elements(page, "button") {
		for _, a := range button.Attr {
			if attribute(button, "id") == "pause" && a.Key == "hidden" {
				t.Error("the script has not run")
			}
		}
	}
	if n := len(rows(page)); n != len(hostile)+1 {
		t.Errorf("%d rows, want %d and one that is opened", n, len(hostile)+1)
	}
	for _, name := range []string{"img", "iframe", "style"} {
		if n := len(elements(page, name)); n != 0 {
			t.Errorf("%d <%s>", n, name)
		}
	}
	if n := len(elements(page, "script")); n != 1 {
		t.Errorf("%d scripts", n)
	}
}

// TestPictures takes those of docs/live.md, in light and dark, into the folder
// NETSTATS_PICTURES, or just takes them.
func TestPictures(t *testing.T) {
	if os.Getenv("NETSTATS_CHROMIUM") == "" {
		t.Skip("NETSTATS_CHROMIUM is not set to the path of a Chromium")
	}
	dir := os.Getenv("NETSTATS_PICTURES")
	if dir == "" {
		dir = t.TempDir()
	}
	tracker := newTracker(t, otelnetstats.WithCaller(), otelnetstats.WithDialStacks())
	srv := httptest.NewServer(connz.Handler(tracker))
	defer srv.Close()
	stop := keepBusy(t, tracker)
	defer stop()
	for range 60 { // for the chart
		body(t, srv.Config.Handler, "/")
		time.Sleep(time.Second)
	}
	for name, args := range map[string][]string{
		"live.png":      {"--window-size=1280,760"},
		"live-dark.png": {"--window-size=1280,760", "--force-dark-mode"},
	} {
		file := filepath.Join(dir, name)
		browse(t, srv.URL, append(args, "--screenshot="+file)...)
		b, err := os.ReadFile(file)
		testnet.Must(t, err)
		picture, err := png.Decode(bytes.NewReader(b))
		testnet.Must(t, err)
		if r, _, _, _ := picture.At(1, 1).RGBA(); (r < 1<<15) != strings.Contains(name, "dark") {
			t.Errorf("%s begins with %v", name, picture.At(1, 1))
		}
	}
}

// keepBusy has some connections move something until stop is called.
func keepBusy(t *testing.T, tracker *otelnetstats.Tracker) (stop func()) {
	address := echo(t)
	web := httptest.NewTLSServer(http.NotFoundHandler())
	config := web.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	config.ServerName, config.NextProtos = "example.com", []string{"http/1.1"}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i, name := range []string{"api.pay.example:443", "cache.internal:6379", "kafka-1.internal:9092", "db.internal:5432", "db.internal:5432", "db.internal:5432"} {
		d := &otelnetstats.Dialer{Tracker: tracker, Base: slow{to(address), time.Duration(i) * time.Millisecond}}
		var c net.Conn
		if i == 0 {
			d.Base = to(web.Listener.Addr().String())
			secure, err := d.TLS(config)(t.Context(), "tcp", name)
			testnet.Must(t, err)
			c = secure
		} else {
			c = dial(t, d, name)
		}
		all.Go(func() {
			defer c.Close()
			for n := 0; ctx.Err() == nil; n++ {
				if secure, ok := c.(*tls.Conn); ok {
					_, _ = fmt.Fprintf(secure, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
					_, _ = secure.Read(make([]byte, 4096))
				} else if i < 5 {
					exchange(t, c, 100*(n%17+1)*(i*i+1))
				}
				if n%20 == 0 {
					otelnetstats.Mark(ctx, c, fmt.Sprintf("batch %d", n/20))
				}
				time.Sleep(time.Duration(20*(i+1)) * time.Millisecond)
			}
		})
	}
	for range 3 {
		dial(t, &otelnetstats.Dialer{Tracker: tracker, Base: to(address)}, "db.internal:5432").Close()
		_, _ = (&otelnetstats.Dialer{Tracker: tracker}).DialContext(ctx, "tcp", "127.0.0.1:1")
	}
	return func() {
		cancel()
		all.Wait()
		web.Close()
	}
}

// slow takes its time to dial.
type slow struct {
	otelnetstats.ContextDialer
	d time.Duration
}

func (s slow) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	time.Sleep(s.d)
	return s.ContextDialer.DialContext(ctx, network, address)
}
