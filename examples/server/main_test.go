package main

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// The numbers after the colon of an address, and times, are not known before.
const (
	peer = `(127\.0\.0\.1|\[::1\]):\d+`
	took = `[0-9.]+(µs|ms|s)`
)

func TestVisit(t *testing.T) {
	out := output{written: make(chan struct{}, 1)}
	if err := run(t.Context(), "", &out); err != nil {
		t.Fatal(err)
	}
	out.wait(t, " closed (", 2)
	// The first client has its answer, but the server's write may not have returned.
	want := regexp.MustCompile(`^serving on http://` + peer + `/
FROM +OPEN FOR +RECEIVED +SENT
` + peer + ` +` + took + ` +\d+ B +\d+ B
` + peer + ` +` + took + ` +\d+ B +0 B
(` + peer + ` closed \(\w+\): received \d+ bytes, sent [1-9]\d+ bytes
){2}$`)
	if !want.MatchString(out.String()) {
		t.Errorf("got\n%s\nwant a match of\n%s", &out, want)
	}
}

func TestServesUntilInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	out := output{written: make(chan struct{}, 1)}
	done := make(chan error, 1)
	go func() { done <- run(ctx, "127.0.0.1:0", &out) }()
	out.wait(t, "\n", 1)
	url := strings.TrimSpace(strings.TrimPrefix(out.String(), "serving on "))

	transport := &http.Transport{}
	resp, err := (&http.Client{Transport: transport}).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(string(body), "\n"); got != 2 {
		t.Errorf("got %d lines, want a headline and this client's:\n%s", got, body)
	}
	transport.CloseIdleConnections()
	interrupt()
	if err := <-done; err != nil {
		t.Error(err)
	}
	out.wait(t, " closed (", 1)
}

// output is written to by several goroutines, as a file can be.
type output struct {
	mu      sync.Mutex
	text    strings.Builder
	written chan struct{} // told of a write
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.written <- struct{}{}:
	default:
	}
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// wait waits until n times part was written: the goroutines of the server's
// connections may be about to.
func (o *output) wait(t *testing.T, part string, n int) {
	t.Helper()
	for strings.Count(o.String(), part) < n {
		select {
		case <-o.written:
		case <-time.After(5 * time.Second):
			t.Fatalf("got %q, want %d times %q", o.String(), n, part)
		}
	}
}
