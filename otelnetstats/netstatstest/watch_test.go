package netstatstest_test

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netstats-go/netstats/internal/testnet"
	"github.com/netstats-go/netstats/otelnetstats/netstatstest"
)

// piped dials ends of pipes, whose others copy back what they get.
func piped(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		_, _ = io.Copy(far, far)
	}()
	return near, nil
}

// captureBuild is set in a capture build.
var captureBuild bool

func TestNothingSeenProvesNothing(t *testing.T) {
	if captureBuild {
		run(t, func(t *fakeT) { netstatstest.Watch(t, netstatstest.MaxDials(5)) }).passes()
		return
	}
	run(t, func(t *fakeT) { netstatstest.Watch(t, netstatstest.MaxDials(5)) }).fails("no connection was seen", "MaxDials(0)")
	run(t, func(t *fakeT) { netstatstest.Watch(t, netstatstest.MaxDials(0)) }).passes()
	run(t, func(t *fakeT) { netstatstest.Watch(t); t.skipped = true }).passes()
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	for want, option := range map[string]netstatstest.Option{
		"MaxDials(-1): the limit must not be negative":     netstatstest.MaxDials(-1),
		"MaxDialTime(-1s): the limit must not be negative": netstatstest.MaxDialTime(-time.Second),
		"a Budget is zero":                                      netstatstest.Budget{},
		"For: the server is empty":                              netstatstest.For("", netstatstest.MaxDials(1)),
		"For: there is no budget":                               netstatstest.For("db:5432"),
		"EachServer: there is no budget":                        netstatstest.EachServer(),
		"OnlyServers: there is no server":                       netstatstest.OnlyServers(),
		"WaitForClose(-1ns): the duration must not be negative": netstatstest.WaitForClose(-1),
	} {
		t.Run(want, func(t *testing.T) {
			f := run(t, func(t *fakeT) {
				netstatstest.Watch(t, option)
				t.Error("Watch returned")
			})
			f.fails("netstatstest: " + want)
			if !f.fatal {
				t.Error("the test went on")
			}
		})
	}
}

func TestScopes(t *testing.T) {
	dial := func(t *fakeT, w *netstatstest.Watcher, addresses ...string) {
		for _, a := range addresses {
			conn, err := w.Tracker().WrapDial(piped)(t.Context(), "tcp", a)
			testnet.Must(t, err)
			testnet.Must(t, conn.Close())
		}
	}
	for name, tt := range map[string]struct {
		options []netstatstest.Option
		want    string // empty: it passes
	}{
		"each keeps it":       {[]netstatstest.Option{netstatstest.EachServer(netstatstest.MaxDials(2))}, ""},
		"one does not":        {[]netstatstest.Option{netstatstest.EachServer(netstatstest.MaxDials(1))}, "2 dials to a:1: the budget is EachServer(MaxDials(1))"},
		"by host and port":    {[]netstatstest.Option{netstatstest.For("a:1", netstatstest.MaxDials(1))}, `2 dials to a:1: the budget is For("a:1", MaxDials(1))`},
		"by host":             {[]netstatstest.Option{netstatstest.For("b", netstatstest.MaxDials(0))}, `1 dial to b: the budget is For("b", MaxDials(0))`},
		"not the other one's": {[]netstatstest.Option{netstatstest.For("b:1", netstatstest.MaxDials(1))}, ""},
		"all together":        {[]netstatstest.Option{netstatstest.MaxDials(2)}, "3 dials: the budget is MaxDials(2)"},
		"open in turn":        {[]netstatstest.Option{netstatstest.MaxOpen(1)}, ""},
		"none is allowed":     {[]netstatstest.Option{netstatstest.MaxOpen(0)}, "1 connection open at once: the budget is MaxOpen(0)"},
		"a nil is ignored":    {[]netstatstest.Option{nil}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := run(t, func(t *fakeT) { dial(t, netstatstest.Watch(t, tt.options...), "a:1", "b:1", "a:1") })
			if tt.want == "" {
				f.passes()
			} else {
				f.fails(tt.want)
			}
		})
	}
}

// TestLeaksByServer: what one server may leak, others may not.
func TestLeaksByServer(t *testing.T) {
	run(t, func(t *fakeT) {
		w := netstatstest.Watch(t, netstatstest.For("a", netstatstest.MaxLeaks(1)), netstatstest.WaitForClose(0))
		for _, a := range []string{"a:1", "b:1"} {
			conn, err := w.Tracker().WrapDial(piped)(t.Context(), "tcp", a)
			testnet.Must(t, err)
			t.TB.Cleanup(func() { _ = conn.Close() })
		}
	}).fails("1 leaked connection: the budget is MaxLeaks(0)", "b:1")
}

// TestInABubble has times that are exact, and a wait that takes none.
func TestInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(ctx context.Context, network, address string) (net.Conn, error) {
			time.Sleep(3 * time.Second)
			return piped(ctx, network, address)
		}
		f := run(t, func(t *fakeT) {
			w := netstatstest.Watch(t, netstatstest.MaxDialTime(2*time.Second), netstatstest.WaitForClose(time.Hour))
			conn, err := w.Tracker().WrapDial(slow)(w.Context(), "tcp", "slow:1")
			testnet.Must(t, err)
			go func() {
				time.Sleep(30 * time.Minute)
				_ = conn.Close()
			}()
		})
		f.fails("a dial of 3s: the budget is MaxDialTime(2s)", "30m0s")
		f.silent("leaked")
	})
}

// TestAClosingConnectionIsWaitedFor is the same on the clock of the wall.
func TestAClosingConnectionIsWaitedFor(t *testing.T) {
	run(t, func(t *fakeT) {
		w := netstatstest.Watch(t, netstatstest.WaitForClose(time.Minute))
		conn, err := w.Tracker().WrapDial(piped)(t.Context(), "tcp", "a:1")
		testnet.Must(t, err)
		context.AfterFunc(t.Context(), func() { _ = conn.Close() }) // after the test's end
	}).passes()
}

// TestAnotherOnesContext: what is dialed for a test is that test's, whose Dialer ever
// opens it.
func TestAnotherOnesContext(t *testing.T) {
	runNamed(t, "TestOuter", func(outer *fakeT) {
		w := netstatstest.Watch(outer, netstatstest.MaxDials(0))
		runNamed(t, "TestInner", func(inner *fakeT) {
			conn, err := w.Tracker().WrapDial(piped)(netstatstest.Watch(inner, netstatstest.MaxDials(1)).Context(), "tcp", "a:1")
			testnet.Must(t, err)
			testnet.Must(t, conn.Close())
		}).passes()
	}).passes()
}

func TestArtifact(t *testing.T) {
	artifacts := flag.Lookup("test.artifacts").Value
	before := artifacts.String()
	testnet.Must(t, artifacts.Set("true"))
	defer func() { testnet.Must(t, artifacts.Set(before)) }()
	dir := t.TempDir()
	run(t, func(t *fakeT) {
		t.dir = dir
		w := netstatstest.Watch(t)
		conn, err := w.Tracker().WrapDial(piped)(t.Context(), "tcp", "a:1")
		testnet.Must(t, err)
		testnet.Send(t, conn, []byte("hello"))
		testnet.Receive(t, conn, make([]byte, len("hello")))
		testnet.Must(t, conn.Close())
	}).passes()
	text, err := os.ReadFile(filepath.Join(dir, "conns.json"))
	testnet.Must(t, err)
	var conns []struct {
		Server         string
		Received, Sent int64
		Stack          []string
	}
	testnet.Must(t, json.Unmarshal(text, &conns))
	if len(conns) != 1 || conns[0].Server != "a:1" || conns[0].Received != 5 || conns[0].Sent != 5 || len(conns[0].Stack) == 0 {
		t.Errorf("conns.json is %s", text)
	}
}

// TestAKnownPool has connections of a transport that the program made.
func TestAKnownPool(t *testing.T) {
	server := newServer(t)
	f := run(t, func(t *fakeT) {
		w := netstatstest.Watch(t, netstatstest.MaxIdle(0))
		client := &http.Client{Transport: &http.Transport{DialContext: w.Dialer().DialContext}}
		w.Pool(client)
		fetch(t, client, server.URL)
	})
	f.fails("1 connection idle in pools: the budget is MaxIdle(0)")
	f.silent("leaked")
}
