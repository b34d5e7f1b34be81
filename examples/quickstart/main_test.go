package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// output is written to by several goroutines, as a file can be.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// runWith runs the program and takes standard output apart.
func runWith(t *testing.T, args ...string) (steps []string, telemetry telemetry, table string, err error) {
	t.Helper()
	var stdout, stderr output
	err = run(t.Context(), args, &stdout, &stderr)
	text, documents, _ := strings.Cut(stdout.String(), "\n{")
	if documents != "" {
		telemetry = decode(t, "{"+documents)
	}
	return strings.Split(text, "\n"), telemetry, stderr.String(), err
}

// telemetry is what the exporters wrote, as far as it is looked at here.
type telemetry struct {
	metrics map[string]metric
	spans   []span
}

type metric struct {
	Name, Unit string
	Data       struct {
		DataPoints []struct {
			Attributes attributes
			Value      float64
			Count      int
		}
	}
}

type span struct {
	Name                string
	SpanContext, Parent struct{ TraceID, SpanID string }
	Attributes          attributes
	Events              []struct {
		Name       string
		Attributes attributes
	}
	Links []struct {
		SpanContext struct{ SpanID string }
	}
	Status struct{ Code string }
}

type attributes []struct {
	Key   string
	Value struct{ Value any }
}

func (as attributes) get(key string) string {
	for _, a := range as {
		if a.Key == key {
			return fmt.Sprint(a.Value.Value)
		}
	}
	return ""
}

func decode(t *testing.T, documents string) telemetry {
	t.Helper()
	all := telemetry{metrics: make(map[string]metric)}
	for d := json.NewDecoder(strings.NewReader(documents)); ; {
		var raw json.RawMessage
		err := d.Decode(&raw)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("standard output is no JSON after the steps: %v", err)
		}
		var m struct {
			ScopeMetrics []struct{ Metrics []metric }
		}
		if err := json.Unmarshal(raw, &m); err != nil {
			t.Fatalf("decode metrics: %v", err)
		}
		if m.ScopeMetrics != nil {
			for _, scope := range m.ScopeMetrics {
				for _, m := range scope.Metrics {
					all.metrics[m.Name] = m
				}
			}
			continue
		}
		var s span
		if err := json.Unmarshal(raw, &s); err != nil {
			t.Fatalf("decode span: %v", err)
		}
		if s.Name != "" {
			all.spans = append(all.spans, s)
		}
	}
}

func (tm telemetry) span(t *testing.T, prefix string) span {
	t.Helper()
	for _, s := range tm.spans {
		if strings.HasPrefix(s.Name, prefix) {
			return s
		}
	}
	t.Fatalf("no span whose name begins with %q", prefix)
	return span{}
}

var (
	readLine  = regexp.MustCompile(`^read (\d+) bytes from #\d+$`)
	writeLine = regexp.MustCompile(`^write (\d+) bytes to #\d+$`)
	// The server closes when it is told goodbye by TLS, and can be the first to.
	closeLine = regexp.MustCompile(`^close #\d+ \((?:local|remote)\): read (\d+) bytes, wrote (\d+) bytes$`)
)

func TestStepsAndTelemetryAgree(t *testing.T) {
	steps, tm, table, err := runWith(t)
	if err != nil {
		t.Fatal(err)
	}
	if first := steps[0]; !strings.HasPrefix(first, "open #") || !strings.Contains(first, " to localhost:") {
		t.Errorf("first step is %q, want open", first)
	}
	var received, sent, last int64
	var closed bool
	for _, line := range steps[1:] {
		if m := readLine.FindStringSubmatch(line); m != nil {
			last = number(t, m[1])
			received += last
		} else if m := writeLine.FindStringSubmatch(line); m != nil && !closed {
			sent += number(t, m[1])
		} else if m := closeLine.FindStringSubmatch(line); m != nil && !closed {
			closed = true
			// The server's last word may have been under way: it is told of right
			// before or after the close, which does not count it.
			if r, w := number(t, m[1]), number(t, m[2]); r != received && r != received-last || w != sent {
				t.Errorf("close says that %d and %d bytes were read and written, the steps say %d and %d", r, w, received, sent)
			}
		} else {
			t.Errorf("step %q is not expected here", line)
		}
	}
	if !closed {
		t.Error("the connection was not closed")
	}
	if received < 64*1024 {
		t.Errorf("%d bytes were received, want more than those of the bodies", received)
	}
	if got := tm.io("receive"); got != received && got != received-last {
		t.Errorf("netstats.client.io says %d bytes were received, the steps say %d", got, received)
	}
	if got := tm.io("transmit"); got != sent {
		t.Errorf("netstats.client.io says %d bytes were sent, the steps say %d", got, sent)
	}
	c := tm.span(t, "connection localhost:")
	if got := c.Attributes.get("netstats.transmit.size"); got != strconv.FormatInt(sent, 10) {
		t.Errorf("netstats.transmit.size is %s, the steps say %d", got, sent)
	}
	for _, want := range []string{"HTTP/2.0 200 OK", "#", "headers of /hello", "body of /hello", "headers of /download", "body of /download", "close (", "in all", humanBytes(received), humanBytes(sent)} {
		if !strings.Contains(table, want) {
			t.Errorf("standard error lacks %q:\n%s", want, table)
		}
	}
}

func (tm telemetry) io(direction string) (sum int64) {
	for _, p := range tm.metrics["netstats.client.io"].Data.DataPoints {
		if p.Attributes.get("network.io.direction") == direction {
			sum += int64(p.Value)
		}
	}
	return sum
}

func number(t *testing.T, s string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSpansTellTheStory(t *testing.T) {
	_, tm, _, err := runWith(t)
	if err != nil {
		t.Fatal(err)
	}
	get, dial, conn := tm.span(t, "GET"), tm.span(t, "dial localhost:"), tm.span(t, "connection localhost:")
	if dial.Parent.SpanID != get.SpanContext.SpanID {
		t.Error("the dial is not a child of the request")
	}
	if conn.SpanContext.TraceID == get.SpanContext.TraceID {
		t.Error("the connection has no trace of its own")
	}
	var linked []string
	for _, l := range conn.Links {
		linked = append(linked, l.SpanContext.SpanID)
	}
	if !slices.Contains(linked, dial.SpanContext.SpanID) || !slices.Contains(linked, get.SpanContext.SpanID) {
		t.Errorf("the connection is linked to %v, want the dial and the request", linked)
	}
	var tls, marks int
	for _, e := range dial.Events {
		if e.Name == "netstats.tls" && e.Attributes.get("tls.next_protocol") == "h2" {
			tls++
		}
	}
	for _, e := range conn.Events {
		if e.Name == "netstats.connection.mark" {
			marks++
		}
	}
	if tls != 1 || marks != 4 {
		t.Errorf("got %d TLS handshakes with h2 and %d marks, want 1 and 4", tls, marks)
	}
}

// TestGivenURLs also shows that plain http is tracked.
func TestGivenURLs(t *testing.T) {
	ln, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: newHandler()}
	defer srv.Close()
	go func() { _ = srv.Serve(ln) }()
	address := ln.Addr().String()

	steps, _, table, err := runWith(t, "http://"+address+"/hello")
	if err != nil {
		t.Fatal(err)
	}
	if want := "to " + address; !strings.Contains(steps[0], want) {
		t.Errorf("first step is %q, want %q in it", steps[0], want)
	}
	if want := "HTTP/1.1 200 OK, a body of 7 B"; !strings.Contains(table, want) {
		t.Errorf("standard error lacks %q:\n%s", want, table)
	}
}

func TestRefusedDialIsReported(t *testing.T) {
	address := unusedAddress(t)
	steps, tm, _, err := runWith(t, "https://"+address+"/")
	if err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got error %v, want one that says refused", err)
	}
	if want := "dial error tcp " + address; !strings.HasPrefix(steps[0], want) {
		t.Errorf("first step is %q, want %q", steps[0], want)
	}
	dial := tm.span(t, "dial "+address)
	if got := dial.Attributes.get("error.type"); got != "connection_refused" {
		t.Errorf("error.type is %q, want connection_refused", got)
	}
	if dial.Status.Code != "Error" {
		t.Errorf("status of the dial span is %q, want Error", dial.Status.Code)
	}
}

func unusedAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func TestArguments(t *testing.T) {
	for _, tt := range []struct {
		arg, want string
	}{
		{"-nosuchflag", "-nosuchflag"},
		{"example.com", "is not a URL"},
		{"ftp://example.com/", "is not a URL"},
		{"https://", "is not a URL"},
		{"https://[", "is not a URL"},
	} {
		err := run(t.Context(), []string{tt.arg}, io.Discard, io.Discard)
		if !errors.Is(err, errUsage) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("run(%q) = %v, want a usage error with %q", tt.arg, err, tt.want)
		}
	}
	var help strings.Builder
	if _, err := parse([]string{"-h"}, &help); !errors.Is(err, flag.ErrHelp) || !strings.HasPrefix(help.String(), "Usage: quickstart [URL ...]\n") {
		t.Errorf("parse(-h) = %v and wrote %q", err, help.String())
	}
}

// TestExitStatus runs the program as its users do.
func TestExitStatus(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	program := filepath.Join(t.TempDir(), "quickstart")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	for _, tt := range []struct {
		name   string
		args   []string
		status int
		stderr string
	}{
		{"no URL", nil, 0, "GET https://localhost:"},
		{"help", []string{"-h"}, 0, "Usage: quickstart"},
		{"no such flag", []string{"-x"}, 2, "quickstart: flag provided but not defined: -x; run with -h for help\n"},
		{"refused", []string{"https://" + unusedAddress(t)}, 1, "quickstart: Get "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmd := exec.Command(program, tt.args...)
			var stderr strings.Builder
			cmd.Stderr = &stderr
			err := cmd.Run()
			if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			if got := cmd.ProcessState.ExitCode(); got != tt.status {
				t.Errorf("exit status is %d, want %d", got, tt.status)
			}
			if !strings.HasPrefix(stderr.String(), tt.stderr) {
				t.Errorf("standard error is %q, want it to begin with %q", stderr.String(), tt.stderr)
			}
		})
	}
}

func TestHumanBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 kB", 65536: "65.5 kB",
		999_949: "999.9 kB", 999_950: "1.0 MB", 1_500_000_000: "1.5 GB",
		1<<63 - 1: "9.2 EB",
	} {
		if got := humanBytes(n); got != want {
			t.Errorf("humanBytes(%d) = %q, want %q", n, got, want)
		}
	}
}
