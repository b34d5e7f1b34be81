package verify

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"testing"

	"github.com/netstats-go/netstats/internal/bridge"
	"github.com/netstats-go/netstats/internal/connstat"
)

func TestInstallIsExclusive(t *testing.T) {
	r := record(t)
	if err := bridge.Install(&bridge.Hooks{Dial: r.dial}); !errors.Is(err, bridge.ErrInstalled) {
		t.Errorf("a second Install returned %v", err)
	}
	a, _ := pair(t, "tcp", "127.0.0.1:0")
	bridge.Remove(&bridge.Hooks{}) // not in: nothing happens
	bridge.Remove(r.hooks)
	b, _ := pair(t, "tcp", "127.0.0.1:0")
	if bridge.RecordOf(b) != nil {
		t.Error("after Remove, a connection has a record")
	}
	_, err := a.Write(make([]byte, 5))
	must(t, err, a.Close())
	moved(t, r.of(a), flow{}, flow{5, 1})
	wantReason(t, r.of(a), "local") // it is told of ends still
	must(t, bridge.Install(r.hooks))
}

func TestRecordOf(t *testing.T) {
	r := record(t)
	a, _ := pair(t, "tcp", "127.0.0.1:0")
	if got := bridge.RecordOf(struct{ *net.TCPConn }{a.(*net.TCPConn)}); got != &r.of(a).Record {
		t.Error("a type that embeds the connection has another record")
	}
	pipe, _ := net.Pipe()
	var none *net.TCPConn
	for _, c := range []any{nil, none, pipe, struct{ *net.TCPConn }{}, 7} {
		if got := bridge.RecordOf(c); got != nil {
			t.Errorf("%T has a record", c)
		}
	}
}

func TestGenerator(t *testing.T) {
	if bridge.Generator() == "" {
		t.Error("no generator")
	}
	f, err := os.Open(os.Args[0])
	must(t, err)
	defer f.Close()
	if got, err := bridge.FindMarker(f); err != nil || got != bridge.Generator() {
		t.Errorf("the binary says %q, %v, want %q", got, err, bridge.Generator())
	}
}

// exitTests are programs of their own; see TestAtExit.
var exitTests = map[string]func(){
	"exit":   func() { atExit(); os.Exit(3) }, //nolint:revive // it is what is tested
	"panic":  func() { atExit(); panic("as intended") },
	"return": atExit, // the tests that follow are none
}

func atExit() {
	bridge.AtExit(func() { os.Stdout.WriteString("replaced\n") })
	bridge.AtExit(func() {
		c, err := net.Dial("udp", "127.0.0.1:9") // the network still works
		if err == nil {
			os.Stdout.WriteString("flushed\n")
			c.Close()
		}
	})
}

func TestAtExit(t *testing.T) {
	for name, want := range map[string]struct {
		status int
		out    string
	}{"exit": {3, "flushed\n"}, "panic": {2, ""}, "return": {0, "PASS\nflushed\n"}} {
		cmd := exec.Command(os.Args[0], "-test.run=^$")
		cmd.Env = append(os.Environ(), "NETSTATS_EXIT_TEST="+name)
		out, err := cmd.Output()
		if err != nil && !errors.As(err, new(*exec.ExitError)) {
			t.Fatal(err)
		}
		got := string(out)
		if name == "return" {
			got = got[:min(len(got), len(want.out))]
		}
		if cmd.ProcessState.ExitCode() != want.status || got != want.out {
			t.Errorf("%s: status %d, output %q, want %+v", name, cmd.ProcessState.ExitCode(), out, want)
		}
	}
}

func TestCallsAllocateNothing(t *testing.T) {
	r := record(t)
	a, b := pair(t, "tcp", "127.0.0.1:0")
	r.of(a)
	p := make([]byte, 64)
	raw, err := b.(*net.TCPConn).SyscallConn()
	must(t, err)
	read := func(fd uintptr) bool { n, _ := sysRead(fd, p); return n > 0 }
	for name, f := range map[string]func(){
		"Write, Read": func() {
			_, _ = a.Write(p)
			_, _ = io.ReadFull(b, p)
		},
		"Write, RawRead": func() {
			_, _ = a.Write(p)
			_ = raw.Read(read)
		},
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	_ = connstat.Received
}
