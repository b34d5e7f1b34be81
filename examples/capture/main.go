// Command capture shows a capture build: it has the connections tracked that
// net/http and net/smtp open, and gives neither a dialer. Build it with the
// netstats command, in cmd/netstats:
//
//	go tool netstats run ./examples/capture
//
// The go command alone builds it too, and it then says what to do.
package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"os"
	"slices"
	"strings"

	"github.com/netstats-go/netstats/otelnetstats"
)

func main() {
	err := run(os.Stdout)
	if errors.Is(err, otelnetstats.ErrNotCaptureBuild) {
		fmt.Println("Nothing to see, as nothing is captured:", err)
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "capture:", err)
		os.Exit(1)
	}
}

func run(out io.Writer) error {
	tracker, err := otelnetstats.New(otelnetstats.WithCaller())
	if err != nil {
		return err
	}
	capture, err := tracker.Capture()
	if err != nil {
		return err
	}
	err = work()
	report(out, capture.Release())
	return err
}

// work uses the network as any program does, without a word on this module.
func work() error {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, strings.Repeat("x", 10_000))
	}))
	defer web.Close()
	mail, err := listenMail()
	if err != nil {
		return err
	}
	defer mail.Close()

	resp, err := http.Get(web.URL)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	return smtp.SendMail(mail.Addr().String(), nil, "me@example.com", []string{"you@example.com"}, []byte("Hello.\r\n"))
}

// report lists the connections, the largest first.
func report(out io.Writer, conns []*otelnetstats.Conn) {
	slices.SortFunc(conns, func(a, b *otelnetstats.Conn) int {
		return cmp.Compare(b.Stats().Received.Bytes, a.Stats().Received.Bytes)
	})
	for _, c := range conns {
		s := c.Stats()
		fmt.Fprintf(out, "%s to %s, opened by %s: received %d bytes, sent %d\n",
			c.Network(), c.Address(), c.Caller(), s.Received.Bytes, s.Sent.Bytes)
	}
}
