package auto

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/netstats-go/netstats/otelnetstats"
)

// What a server accepts is in the table, by who connected.
func TestAccepted(t *testing.T) {
	sum := newSummary()
	tracker, err := otelnetstats.New(otelnetstats.WithCallback(sum))
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln = tracker.Listener(ln)
	defer ln.Close()
	client, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	accepted, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := accepted.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	got := table(sum.report(time.Now()))
	for _, want := range []string{
		"\nnetstats: 1 connection (1 accepted), 0 B received, 5 B sent\n",
		"\n" + ln.Addr().String() + "  in      127.0.0.1  0 B  5 B ",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got\n%s\nwant %s", got, want)
		}
	}
	if err := tracker.Shutdown(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	if r := sum.report(time.Now()); len(r.Servers) != 1 || r.Servers[0].Direction != incoming || r.Total.Accepted != 1 {
		t.Errorf("got %+v", r)
	}
}
