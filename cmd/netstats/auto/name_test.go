package auto

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/netstats-go/netstats/otelnetstats"
)

func TestCut(t *testing.T) {
	for _, test := range []struct {
		text string
		n    int
		want string
	}{
		{"", 5, ""},
		{"abc", 5, "abc"},
		{"abcde", 5, "abcde"},
		{"abcdef", 5, "abcde"},
		{"abcdé", 5, "abcd"},
		{"abcd€", 6, "abcd"},
		{"abc€f", 6, "abc€"},
		{"a𝄞", 4, "a"},
		{"\x80\x80\x80\x80\x80\x80\x80", 5, "\x80\x80\x80\x80\x80"},
		{"é", 1, "\xc3"}, // no room for a whole one
	} {
		if got := cut(test.text, test.n); got != test.want {
			t.Errorf("%q, %d: got %q, want %q", test.text, test.n, got, test.want)
		}
	}
}

// strange are names as a stranger may choose them.
var strange = []string{
	"\x1b]0;owned\x07\x1b[2J\x1b[31mx:1",
	"a\nnetstats: 0 connections, all fine\nb:80",
	"moc.live\u202e:443",
	"\xff\xfe\x9b2J:1",
	strings.Repeat("é", 1<<19) + ":443",
}

// addr is the address of a peer that chose it.
type addr string

func (addr) Network() string  { return "tcp" }
func (a addr) String() string { return string(a) }

type conn struct {
	net.Conn
	peer addr
}

func (c conn) RemoteAddr() net.Addr { return c.peer }

// meet has a summary told of a connection, and of a dial that failed, of each name.
func meet(t *testing.T, names []string) *summary {
	t.Helper()
	sum := newSummary()
	tracker, err := otelnetstats.New(otelnetstats.WithCallback(sum))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		a, b := net.Pipe()
		t.Cleanup(func() { b.Close() })
		c := tracker.Register(t.Context(), conn{a, addr(name)})
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		sum.DialError(t.Context(), "tcp", name, errors.New(name))
	}
	if err := tracker.Shutdown(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	return sum
}

func TestTableOfStrangeNames(t *testing.T) {
	sum := meet(t, strange)
	r := sum.report(time.Now())
	byServer := *r
	byServer.Rows = nil
	for _, got := range []string{table(r), table(&byServer)} {
		if i := strings.IndexFunc(got, func(r rune) bool { return r != '\n' && !strconv.IsPrint(r) }); i >= 0 || !utf8.ValidString(got) {
			t.Errorf("not fit for a terminal: %q", got)
		}
		lines := strings.Split(got, "\n")
		if n := 2 + len(strange) + 4 + len(strange); len(lines) != n+1 {
			t.Errorf("got %d lines, want %d:\n%s", len(lines), n+1, got)
		}
		for i, line := range lines {
			if strings.HasPrefix(line, "netstats:") && i != 1 || utf8.RuneCountInString(line) > 3*maxCell {
				t.Errorf("line %d is %s", i, line)
			}
		}
		for _, want := range []string{
			`\x1b]0;owned\a\x1b[2J\x1b[31mx:1  `, `a\nnetstats: 0 connections, all fine\nb:80  `, `moc.live\u202e:443  `, `\xff\xfe\x9b2J:1  `, "éé…  ",
		} {
			if strings.Count(got, want) != 2 {
				t.Errorf("%s is not there twice:\n%s", want, got)
			}
		}
	}
}

func TestJSONOfStrangeNames(t *testing.T) {
	var b strings.Builder
	meet(t, strange).report(time.Now()).write(&b, asJSON)
	if got := b.String(); len(got) > 10_000 || !utf8.ValidString(got) || strings.Count(got, "\n") != 1 || strings.Contains(got, "\x1b") {
		t.Errorf("got %d bytes, %.2000q", len(got), got)
	}
}

// However long names are, what is kept of them is little, and the long ones are
// not kept by it.
func TestLongNamesAreNotKept(t *testing.T) {
	const n = 64
	long := func() []string {
		names := make([]string, n)
		for i := range names {
			names[i] = strconv.Itoa(i) + strings.Repeat("x", 1<<20)
		}
		return names
	}
	before := heap()
	sum := meet(t, long())
	if got := heap() - before; got > n<<20/4 {
		t.Errorf("%d bytes are kept of %d names", got, n)
	}
	if len(sum.servers) != n || len(sum.failures) != n {
		t.Errorf("got %d servers, %d failures, want %d", len(sum.servers), len(sum.failures), n)
	}
	runtime.KeepAlive(sum)
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
