package otelnetstats_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/netstats-go/netstats/otelnetstats"
)

// hostile are names that a stranger may choose.
var hostile = []string{
	"a\xffb", "\xc3", "\xed\xa0\x80", "a\x00b", "\x1b[2J\x07", "a\nb", "\u202eevil", "<script>", "ü", strings.Repeat("ü", 200),
	strings.Repeat("x", 255), strings.Repeat("x", 256), strings.Repeat("\xff", 300), strings.Repeat("y", 1<<20),
}

// allText calls see for each text of what a lab has exported.
func (l *lab) allText(t *testing.T, see func(where, text string)) {
	t.Helper()
	attrs := func(where string, kvs []attribute.KeyValue) {
		for _, kv := range kvs {
			see(where+" key", string(kv.Key))
			see(where+" "+string(kv.Key), fmt.Sprint(kv.Value.AsInterface()))
		}
	}
	for _, s := range l.spans.Ended() {
		see("span name", s.Name())
		see("status", s.Status().Description)
		attrs("span", s.Attributes())
		for _, e := range s.Events() {
			see("event name", e.Name)
			attrs("event", e.Attributes)
		}
	}
	for _, m := range collect(t, l.cumulative).Metrics {
		for _, set := range setsOf(m) {
			attrs(m.Name, set.ToSlice())
		}
	}
}

// setsOf returns the attribute sets of a metric.
func setsOf(m metricdata.Metrics) (sets []attribute.Set) {
	switch data := m.Data.(type) {
	case metricdata.Sum[int64]:
		for _, p := range data.DataPoints {
			sets = append(sets, p.Attributes)
		}
	case metricdata.Sum[float64]:
		for _, p := range data.DataPoints {
			sets = append(sets, p.Attributes)
		}
	case metricdata.Histogram[float64]:
		for _, p := range data.DataPoints {
			sets = append(sets, p.Attributes)
		}
	}
	return sets
}

// wantClean fails the test if a text that was exported is not UTF-8, which has a
// collector refuse all, or is longer than any may be.
func (l *lab) wantClean(t *testing.T) {
	t.Helper()
	seen := 0
	l.allText(t, func(where, text string) {
		seen++
		most := 255
		if where == "status" || strings.HasSuffix(where, " user") {
			most = 1024 + len("[a b]")
		}
		if strings.HasSuffix(where, " name") {
			most += len("connection :65535")
		}
		if !utf8.ValidString(text) || len(text) > most {
			t.Errorf("%s has %d bytes, UTF-8: %v: %.40q", where, len(text), utf8.ValidString(text), text)
		}
	})
	if seen == 0 {
		t.Error("nothing was exported, so nothing is proved")
	}
}

// strange is an address, and an error, with a text of a stranger's.
type strange string

func (n strange) Network() string { return string(n) }
func (n strange) String() string  { return string(n) }
func (n strange) Error() string   { return "cannot: " + string(n) }

// ErrorType is what the conventions' packages take for error.type.
func (n strange) ErrorType() string { return string(n) }

// TestTextsOfStrangersAreClean wherever they come in.
func TestTextsOfStrangersAreClean(t *testing.T) {
	for _, name := range hostile {
		t.Run(fmt.Sprintf("%.20q", name), func(t *testing.T) {
			user := attribute.String("user", name)
			l := newLab(t,
				otelnetstats.WithSpanAttributes(user, attribute.String(name, "x")),
				otelnetstats.WithMetricAttributes(user))
			opened := &stub{local: strange(name), remote: strange(name), read: func([]byte) (int, error) { return 0, strange(name) }}
			for _, d := range []*otelnetstats.Dialer{
				{Name: name, Base: always(opened)},
				{Base: failing(strange(name))},
				{Base: failing(&net.OpError{Op: "dial", Net: name, Addr: strange(name), Err: strange(name)})},
			} {
				d.Tracker = l.Tracker
				for _, network := range []string{"tcp", "udp", "unix", name} {
					ctx := otelnetstats.ContextWithName(t.Context(), name)
					for _, address := range []string{name, name + ":443", net.JoinHostPort(name, name)} {
						conn, err := d.DialContext(ctx, network, address)
						if err != nil {
							continue
						}
						otelnetstats.Mark(t.Context(), conn, name, user, attribute.StringSlice("user", []string{name, name}))
						_, _ = conn.Read(make([]byte, 1))
						_ = conn.Close()
					}
				}
			}
			l.Register(t.Context(), &stub{local: strange(name), remote: strange(name)}).Close()
			l.wantClean(t)
		})
	}
}

func failing(err error) otelnetstats.DialFunc {
	return func(context.Context, string, string) (net.Conn, error) { return nil, err }
}

// TestPeerWhoseSocketHasAnyBytes: the name of a unix socket is any bytes, and its
// owner is the peer of whom it connects to.
func TestPeerWhoseSocketHasAnyBytes(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has abstract names")
	}
	l := newLab(t)
	ln := l.Listener(listen(t, "unix", filepath.Join(shortDir(t), "s")))
	d := net.Dialer{LocalAddr: &net.UnixAddr{Name: "@\xff\xfe" + fmt.Sprint(&l), Net: "unix"}}
	peer := dial(t, &d, "unix", ln.Addr().String())
	conn := accept(t, ln)
	if name := conn.RemoteAddr().String(); utf8.ValidString(name) {
		t.Fatalf("the peer's name is %q, so nothing is proved", name)
	}
	_ = peer.Close()
	_ = conn.Close()
	l.wantClean(t)
}

// TestLongNamesTakeNoRoom: what a stranger chooses does not stay.
func TestLongNamesTakeNoRoom(t *testing.T) {
	const names, size = 1000, 1 << 20
	l := newSampledLab(t, never{})
	d := &otelnetstats.Dialer{Tracker: l.Tracker, Base: failing(errors.New("no"))}
	before := heap()
	for i := range names {
		name := []byte(strings.Repeat("x", size))
		copy(name, fmt.Sprintf("%08d", i))
		_, _ = d.DialContext(t.Context(), "tcp", string(name)+":443")
	}
	if grew := heap() - before; grew > 4<<20 {
		t.Errorf("the heap grew by %d bytes for %d names", grew, names)
	}
	if sets := collect(t, l.cumulative).sets("netstats.dial.duration"); len(sets) != 1 {
		t.Errorf("%d sets, want all in one", len(sets))
	}
	l.wantClean(t)
}

// TestLongMarksTakeNoRoom: nor does what their names and attributes were cut from.
func TestLongMarksTakeNoRoom(t *testing.T) {
	const marks, size = 100, 1 << 20
	l := newSampledLab(t, never{})
	conn := l.Register(t.Context(), &stub{})
	defer conn.Close()
	before := heap()
	for i := range marks {
		name := strings.Repeat("x", size) + fmt.Sprint(i)
		mark(t, conn, name, attribute.String("user", name))
	}
	if grew := heap() - before; grew > 4<<20 {
		t.Errorf("the heap grew by %d bytes for %d marks", grew, marks)
	}
}

// TestValuesOfMarksAreBounded, of whatever type they are.
func TestValuesOfMarksAreBounded(t *testing.T) {
	const many = 100_000
	list := make([]string, many)
	for i := range list {
		list[i] = "ten bytes."
	}
	l := newLab(t)
	conn := l.Register(t.Context(), &stub{})
	given := []attribute.KeyValue{
		attribute.StringSlice("strings", list),
		attribute.StringSlice("empty strings", make([]string, many)),
		attribute.Int64Slice("numbers", make([]int64, many)),
		attribute.BoolSlice("few", make([]bool, 3)),
		attribute.String(strings.Repeat("k", 1000), "long name"),
	}
	lap := mark(t, conn, "m", given...)
	conn.Close()
	for _, kv := range lap.Attributes {
		size := len(fmt.Sprint(kv.Value.AsInterface()))
		if n := len(kv.Value.AsStringSlice()); n > 1024 || size > 4096 || len(kv.Key) > 255 {
			t.Errorf("%.20s: a name of %d bytes, %d strings, %d bytes in all", kv.Key, len(kv.Key), n, size)
		}
	}
	if got := lap.Attributes[3]; got != given[3] {
		t.Errorf("three truth values have become %v", got.Value.Emit())
	}
	if got := len(given[4].Key); got != 1000 {
		t.Errorf("the caller's own attribute has a name of %d bytes now", got)
	}
	if got := len(lap.Attributes[0].Value.AsStringSlice()); got != 102 {
		t.Errorf("%d strings of ten bytes, want as many as 1024 bytes take", got)
	}
}

// TestNamesThatNeverAnsweredLeaveRoomForServers, whose names metrics then have.
func TestNamesThatNeverAnsweredLeaveRoomForServers(t *testing.T) {
	l := newSampledLab(t, never{}, otelnetstats.WithMaxServers(20))
	dead := &otelnetstats.Dialer{Tracker: l.Tracker, Base: failing(&net.DNSError{Err: "no such host", IsNotFound: true})}
	good := &otelnetstats.Dialer{Tracker: l.Tracker, Base: otelnetstats.DialFunc(
		func(context.Context, string, string) (net.Conn, error) { return &stub{}, nil })}
	for i := range 500 {
		_, _ = dead.Dial("tcp", fmt.Sprintf("dead%d:80", i))
	}
	for i := range 20 {
		_ = dial(t, good, "tcp", fmt.Sprintf("good%d:80", i)).Close()
	}
	s := collect(t, l.cumulative)
	for i := range 20 {
		server := attribute.String("server.address", fmt.Sprintf("good%d", i))
		if n := s.count("netstats.dial.duration", server); n != 1 {
			t.Errorf("good%d has %d dials on metrics, want 1", i, n)
		}
	}
	if n := len(s.sets("netstats.dial.duration")); n > 20+5+1 {
		t.Errorf("%d sets, want at most 26", n)
	}
}

// nobody panics whatever it is asked, as a fake does that embeds a nil.
type nobody struct{ net.Conn }

func (nobody) Read([]byte) (int, error)    { return 0, (*nilError)(nil) }
func (nobody) Write(b []byte) (int, error) { return len(b), nil }
func (nobody) Close() error                { return nil }

type nilError struct{ err error }

func (e *nilError) Error() string { return e.err.Error() }
func (e *nilError) Unwrap() error { return e.err }

type nilAddr struct{ net.Addr }

type nilListener struct{ net.Listener }

func (nilListener) Accept() (net.Conn, error) { return nobody{}, nil }

// TestMethodsThatPanic, which the program never calls, are its own business.
func TestMethodsThatPanic(t *testing.T) {
	l := newLab(t)
	for name, open := range map[string]func() net.Conn{
		"dialed": func() net.Conn {
			return dial(t, &otelnetstats.Dialer{Tracker: l.Tracker, Base: always(nobody{})}, "tcp", "h:1")
		},
		"registered": func() net.Conn { return l.Register(t.Context(), &nobody{}) },
		"accepted": func() net.Conn {
			c, err := l.Listener(nilListener{}).Accept()
			must(t, err)
			return c
		},
		"address": func() net.Conn { return l.Register(t.Context(), &stub{local: nilAddr{}, remote: nilAddr{}}) },
	} {
		t.Run(name, func(t *testing.T) {
			conn := open()
			send(t, conn, 10)
			_, _ = conn.Read(make([]byte, 1))
			if s := statsOf(t, conn); s.Sent.Bytes != 10 {
				t.Errorf("%d bytes sent, want 10", s.Sent.Bytes)
			}
			must(t, conn.Close())
		})
	}
	d := &otelnetstats.Dialer{Tracker: l.Tracker, Base: failing((*nilError)(nil))}
	if _, err := d.Dial("tcp", "h:1"); err == nil {
		t.Error("no error")
	}
	l.wantClean(t)
}
