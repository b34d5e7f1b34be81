package otelnetstats_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/netstats-go/netstats/internal/testnet"
	"github.com/netstats-go/netstats/otelnetstats"
)

// exchange has near send and receive so many bytes, each in one call.
func exchange(t testing.TB, near, far net.Conn, sent, received int) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		if sent > 0 {
			if _, err := io.ReadFull(far, make([]byte, sent)); err != nil {
				done <- err
				return
			}
		}
		if received > 0 {
			_, err := far.Write(make([]byte, received))
			done <- err
			return
		}
		done <- nil
	}()
	if sent > 0 {
		send(t, near, sent)
	}
	if received > 0 {
		receive(t, near, received)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func mark(t testing.TB, conn otelnetstats.Endpoint, name string, kvs ...attribute.KeyValue) otelnetstats.Lap {
	t.Helper()
	lap, ok := otelnetstats.Mark(context.WithoutCancel(t.Context()), conn, name, kvs...)
	if !ok {
		t.Fatalf("Mark(%q): not tracked", name)
	}
	return lap
}

// sameStats compares all fields, times as instants.
func sameStats(a, b otelnetstats.Stats) bool {
	if !a.Opened.Equal(b.Opened) || len(a.Marks) != len(b.Marks) {
		return false
	}
	for i := range a.Marks {
		if !sameLap(a.Marks[i], b.Marks[i]) {
			return false
		}
	}
	a.Opened, a.Marks, b.Opened, b.Marks = time.Time{}, nil, time.Time{}, nil
	return reflect.DeepEqual(a, b)
}

func sameLap(a, b otelnetstats.Lap) bool {
	if !a.At.Equal(b.At) {
		return false
	}
	a.At, b.At = time.Time{}, time.Time{}
	return reflect.DeepEqual(a, b)
}

func TestOpenIsToldBeforeTheConnectionIsReturned(t *testing.T) {
	address := serve(t, wait)
	for _, test := range []struct {
		name string
		open func(l *lab) net.Conn
	}{
		{"Register", func(l *lab) net.Conn { return l.Register(t.Context(), &stub{}) }},
		{"Dial", func(l *lab) net.Conn { return dial(t, &otelnetstats.Dialer{Tracker: l.Tracker}, "tcp", address) }},
		{"Accept", func(l *lab) net.Conn {
			ln := l.Listener(listen(t, "tcp", "127.0.0.1:0"))
			dial(t, new(net.Dialer), "tcp", ln.Addr().String())
			c, err := ln.Accept()
			if err != nil {
				t.Fatal(err)
			}
			return c
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			cb := new(tape)
			l := newLab(t, otelnetstats.WithCallback(cb))
			c := test.open(l)
			cb.want(t, "open")
			c.Close()
			cb.want(t, "open", "close local 0 0")
		})
	}
}

func TestRegisterPacketConnTellsOpen(t *testing.T) {
	cb := new(tape)
	l := newLab(t, otelnetstats.WithCallback(cb))
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tracked := l.RegisterPacketConn(t.Context(), pc)
	cb.want(t, "open")
	tracked.Close()
	cb.want(t, "open", "close local 0 0")
}

func TestCloseIsToldOnceBeforeTheInnerClose(t *testing.T) {
	cb := new(tape)
	l := newLab(t, otelnetstats.WithCallback(cb))
	errTwice := errors.New("closed twice")
	closes := 0
	conn := l.Register(t.Context(), &stub{close: func() error {
		cb.note("inner close")
		if closes++; closes > 1 {
			return errTwice
		}
		return nil
	}})
	send(t, conn, 3)
	receive(t, conn, 4)
	if err := conn.Close(); err != nil {
		t.Errorf("first Close: %v", err)
	}
	if err := conn.Close(); err != errTwice { //nolint:errorlint // the very error
		t.Errorf("second Close: %v, want the inner one's error", err)
	}
	cb.want(t, "open", "write 3", "read 4", "close local 4 3", "inner close", "inner close")
	if got := len(l.ended("connection")); got != 1 {
		t.Errorf("%d connection spans ended, want 1", got)
	}
	s := collect(t, l.cumulative)
	if got := s.sum("netstats.client.connection.count"); got != 0 {
		t.Errorf("connection.count = %d after Close, want 0", got)
	}
	if got := s.count("netstats.client.connection.duration"); got != 1 {
		t.Errorf("connection.duration has %d recordings, want 1", got)
	}
}

func TestConcurrentClosesEndTheConnectionOnceConcurrentSafe(t *testing.T) {
	cb := new(tape)
	l := newLab(t, otelnetstats.WithCallback(cb))
	conn := l.Register(t.Context(), &stub{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { conn.Close() })
	}
	wg.Wait()
	cb.want(t, "open", "close local 0 0")
	if got := len(l.ended("connection")); got != 1 {
		t.Errorf("%d connection spans ended, want 1", got)
	}
	if got := collect(t, l.cumulative).sum("netstats.client.connection.count"); got != 0 {
		t.Errorf("connection.count = %d, want 0", got)
	}
}

func TestMarksCountFromOpenThePreviousMarkAndTheReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		near, far := net.Pipe()
		conn := l.Register(t.Context(), near)
		start := time.Now()
		elapsed := func(d time.Duration) time.Time { return start.Add(d) }
		check := func(got, want otelnetstats.Lap) {
			t.Helper()
			if !sameLap(got, want) {
				t.Errorf("lap\n%+v, want\n%+v", got, want)
			}
		}
		user := []attribute.KeyValue{attribute.Int("rows", 3)}

		time.Sleep(3 * time.Second)
		exchange(t, conn, far, 5, 7)
		time.Sleep(2 * time.Second)
		login := otelnetstats.Lap{
			Name: "login", At: elapsed(5 * time.Second), Elapsed: 5 * time.Second,
			Received: 7, Sent: 5, TotalReceived: 7, TotalSent: 5, Attributes: user,
		}
		check(mark(t, conn, "login", user...), login)

		exchange(t, conn, far, 100, 0)
		time.Sleep(time.Second)
		exchange(t, conn, far, 1, 1000)
		query := otelnetstats.Lap{
			Name: "query", At: elapsed(6 * time.Second), Elapsed: time.Second,
			Received: 1000, Sent: 101, TotalReceived: 1007, TotalSent: 106,
		}
		check(mark(t, conn, "query"), query)

		empty := query
		empty.Name, empty.Elapsed, empty.Received, empty.Sent = "", 0, 0, 0
		check(mark(t, conn, ""), empty)

		time.Sleep(time.Second)
		exchange(t, conn, far, 2, 0)
		before := statsOf(t, conn)
		want := otelnetstats.Stats{
			Opened: start, Received: otelnetstats.Flow{Bytes: 1007, Operations: 2}, Sent: otelnetstats.Flow{Bytes: 108, Operations: 4},
			Marks: []otelnetstats.Lap{login, query, empty},
		}
		if !sameStats(before, want) {
			t.Errorf("StatsOf\n%+v, want\n%+v", before, want)
		}
		if got, ok := otelnetstats.Reset(conn); !ok || !sameStats(got, before) {
			t.Errorf("Reset\n%+v, want\n%+v", got, before)
		}
		if got := statsOf(t, conn); !sameStats(got, otelnetstats.Stats{Opened: start}) {
			t.Errorf("StatsOf after Reset\n%+v, want zero, opened %v", got, start)
		}

		time.Sleep(4 * time.Second)
		exchange(t, conn, far, 9, 8)
		afterReset := otelnetstats.Lap{
			Name: "after reset", At: elapsed(11 * time.Second), Elapsed: 4 * time.Second,
			Received: 8, Sent: 9, TotalReceived: 8, TotalSent: 9,
		}
		check(mark(t, conn, "after reset"), afterReset)

		exchange(t, conn, far, 1, 0)
		before = statsOf(t, conn)
		if got, ok := otelnetstats.ResetAll(conn); !ok || !sameStats(got, before) {
			t.Errorf("ResetAll\n%+v, want\n%+v", got, before)
		}
		if got := statsOf(t, conn); !sameStats(got, otelnetstats.Stats{Opened: elapsed(11 * time.Second)}) {
			t.Errorf("StatsOf after ResetAll\n%+v, want zero, opened at the reset", got)
		}
		time.Sleep(time.Millisecond)
		check(mark(t, conn, "after all"), otelnetstats.Lap{
			Name: "after all", At: elapsed(11*time.Second + time.Millisecond), Elapsed: time.Millisecond,
		})
		conn.Close()
		far.Close()
	})
}

func TestStatsAreCopies(t *testing.T) {
	l := newLab(t)
	conn := l.Register(t.Context(), &stub{})
	defer conn.Close()
	user := []attribute.KeyValue{attribute.Int("a", 1)}
	lap := mark(t, conn, "one", user...)
	user[0] = attribute.Int("changed", 1)
	lap.Attributes[0] = attribute.Int("changed", 2)
	s := statsOf(t, conn)
	s.Marks[0].Name, s.Marks[0].Attributes[0] = "changed", attribute.Int("changed", 3)
	got := statsOf(t, conn).Marks[0]
	if got.Name != "one" || got.Attributes[0] != attribute.Int("a", 1) {
		t.Errorf("a change outside reached the kept mark: %+v", got)
	}
}

func TestResetsNeverMoveExportedMetricsBack(t *testing.T) {
	l := newLab(t)
	conn := l.Register(t.Context(), &stub{})
	reset := []func(otelnetstats.Endpoint) (otelnetstats.Stats, bool){otelnetstats.Reset, otelnetstats.ResetAll}
	var deltas int64
	for i := range 6 {
		send(t, conn, 10)
		receive(t, conn, 20)
		reset[i%2](conn)
		wantSent, wantReceived := int64(10*(i+1)), int64(20*(i+1))
		for range 2 { // also with nothing in between
			s := collect(t, l.cumulative)
			if got := s.sum("netstats.client.io", transmitted); got != wantSent {
				t.Errorf("transmitted %d after %d resets, want %d", got, i+1, wantSent)
			}
			if got := s.sum("netstats.client.io", received); got != wantReceived {
				t.Errorf("received %d after %d resets, want %d", got, i+1, wantReceived)
			}
			if got := s.sum("netstats.client.connection.count"); got != 1 {
				t.Errorf("connection.count = %d after %d resets, want 1", got, i+1)
			}
		}
		d := collect(t, l.delta).sum("netstats.client.io")
		if d != 30 {
			t.Errorf("delta %d after reset %d, want 30", d, i+1)
		}
		deltas += d
	}
	conn.Close()
	span := attrsOf(l.only(t, "connection").Attributes())
	span.want(t, "span", attribute.Int64("netstats.receive.size", 120), attribute.Int64("netstats.transmit.size", 60),
		attribute.Int64("netstats.receive.operations", 6), attribute.Int64("netstats.transmit.operations", 6))
	if got := collect(t, l.late).sum("netstats.client.io"); got != 180 || got != deltas {
		t.Errorf("late reader %d, deltas %d, want both 180", got, deltas)
	}
}

// TestResetsAtOnceConcurrentSafe: what several resets return adds up to what was
// moved, and what is asked for meanwhile is never less than nothing.
func TestResetsAtOnceConcurrentSafe(t *testing.T) {
	rounds := 2000
	if raced {
		rounds /= 20
	}
	const each = 10
	conn := newSampledLab(t, never{}).Register(t.Context(), &stub{})
	defer conn.Close()
	var sum, sent atomic.Int64
	use := func() {
		for range each {
			send(t, conn, 1)
			sent.Add(1)
			s, _ := otelnetstats.Reset(conn)
			sum.Add(s.Sent.Bytes)
			if s, _ := otelnetstats.StatsOf(conn); s.Sent.Bytes < 0 || s.Sent.Operations < 0 {
				t.Errorf("stats: %+v", s.Sent)
			}
		}
	}
	testnet.Meet(rounds, func(int) {}, use, use)
	if got, want := sum.Load()+statsOf(t, conn).Sent.Bytes, sent.Load(); got != want {
		t.Errorf("the resets add up to %d bytes, want %d", got, want)
	}
}

func TestNumbersAfterCloseTakeLateAdds(t *testing.T) {
	cb := new(tape)
	l := newLab(t, otelnetstats.WithCallback(cb))
	reading, closed := make(chan struct{}), make(chan struct{})
	conn := l.Register(t.Context(), &stub{
		read: func(b []byte) (int, error) {
			close(reading)
			<-closed
			return copy(b, "late!"), nil
		},
		close: func() error { return nil },
	})
	send(t, conn, 2)
	var wg sync.WaitGroup
	wg.Go(func() { receive(t, conn, 5) })
	<-reading
	conn.Close()
	if got := statsOf(t, conn); got.Received.Bytes != 0 || got.Sent.Bytes != 2 {
		t.Errorf("after Close: %+v, want 0 received, 2 sent", got)
	}
	close(closed)
	wg.Wait()
	if got := statsOf(t, conn).Received; got != (otelnetstats.Flow{Bytes: 5, Operations: 1}) {
		t.Errorf("after a late read: %+v, want 5 bytes in 1 operation", got)
	}
	for name, r := range map[string]snapshot{"cumulative": collect(t, l.cumulative), "delta": collect(t, l.delta)} {
		if got := r.sum("netstats.client.io", received); got != 5 {
			t.Errorf("%s: received %d, want the late 5", name, got)
		}
	}
	attrsOf(l.only(t, "connection").Attributes()).want(t, "span", attribute.Int64("netstats.receive.size", 0))
	if lap := mark(t, conn, "after close"); lap.Received != 5 || lap.Sent != 2 {
		t.Errorf("mark after Close: %+v, want 5 received, 2 sent", lap)
	}
	if got, _ := otelnetstats.ResetAll(conn); len(got.Marks) != 1 || got.Sent.Bytes != 2 {
		t.Errorf("ResetAll after Close: %+v", got)
	}
	if got := statsOf(t, conn); got.Sent.Bytes != 0 {
		t.Errorf("StatsOf after ResetAll after Close: %+v", got)
	}
}

func TestDialErrorsComeBackUnchanged(t *testing.T) {
	cb := new(tape)
	l := newLab(t, otelnetstats.WithCallback(cb))
	want := &net.OpError{Op: "dial", Err: errors.New("my own")}
	base := otelnetstats.DialFunc(func(context.Context, string, string) (net.Conn, error) { return nil, want })
	d := &otelnetstats.Dialer{Base: base, Tracker: l.Tracker}
	for name, dial := range map[string]func() (net.Conn, error){
		"DialContext": func() (net.Conn, error) { return d.DialContext(t.Context(), "tcp", "h:1") },
		"Dial":        func() (net.Conn, error) { return d.Dial("tcp", "h:1") },
		"DialTimeout": func() (net.Conn, error) { return d.DialTimeout("tcp", "h:1", time.Minute) },
		"TLS":         func() (net.Conn, error) { return d.TLS(nil)(t.Context(), "tcp", "h:1") },
		"untracked": func() (net.Conn, error) {
			return d.DialContext(otelnetstats.ContextWithoutTracking(t.Context()), "tcp", "h:1")
		},
	} {
		if conn, err := dial(); err != error(want) || conn != nil { //nolint:errorlint // the very error
			t.Errorf("%s: got %v, %v; want nil and the base's error itself", name, conn, err)
		}
	}
	cb.want(t, strings.Split(strings.Repeat("dialerror tcp h:1\n", 3)+"dialerror tcp h:1", "\n")...)
}

func TestDialErrorCallbackGetsTheCallersError(t *testing.T) {
	cb := &dialErrors{}
	l := newLab(t, otelnetstats.WithCallback(cb))
	_, err := (&otelnetstats.Dialer{Tracker: l.Tracker}).DialContext(t.Context(), "tcp", closedPort(t))
	if err == nil || len(cb.errs) != 1 || cb.errs[0] != err { //nolint:errorlint // the very error
		t.Errorf("callback got %v, want %v", cb.errs, err)
	}
	if _, ok := err.(*net.OpError); !ok { //nolint:errorlint // not wrapped
		t.Errorf("error is a %T, want package net's *net.OpError as it is", err)
	}
}

type dialErrors struct {
	otelnetstats.NopCallback
	errs []error
}

func (d *dialErrors) DialError(_ context.Context, _, _ string, err error) {
	d.errs = append(d.errs, err)
}

func TestStatsSub(t *testing.T) {
	laps := func(names ...string) (laps []otelnetstats.Lap) {
		for _, name := range names {
			laps = append(laps, otelnetstats.Lap{Name: name})
		}
		return laps
	}
	stats := func(in, out int64, dropped int, names ...string) otelnetstats.Stats {
		return otelnetstats.Stats{
			Received: otelnetstats.Flow{Bytes: in, Operations: in / 10}, Sent: otelnetstats.Flow{Bytes: out, Operations: out / 10},
			Marks: laps(names...), MarksDropped: dropped,
		}
	}
	for _, test := range []struct {
		name                 string
		later, earlier, want otelnetstats.Stats
	}{
		{"nothing", stats(10, 20, 0, "a"), stats(10, 20, 0, "a"), stats(0, 0, 0)},
		{"bytes", stats(110, 50, 0), stats(10, 20, 0), stats(100, 30, 0)},
		{"marks", stats(0, 0, 0, "a", "b", "c"), stats(0, 0, 0, "a"), stats(0, 0, 0, "b", "c")},
		{"dropped since", stats(0, 0, 3, "d", "e"), stats(0, 0, 0, "a", "b"), stats(0, 0, 1, "d", "e")},
		{"dropped before", stats(0, 0, 2, "c", "d"), stats(0, 0, 1, "b", "c"), stats(0, 0, 0, "d")},
		{"zero", stats(7, 8, 1, "b"), otelnetstats.Stats{}, stats(7, 8, 1, "b")},
	} {
		if got := test.later.Sub(test.earlier); !sameStats(got, test.want) {
			t.Errorf("%s: got %+v, want %+v", test.name, got, test.want)
		}
	}
	opened := time.Now()
	if got := (otelnetstats.Stats{Opened: opened}).Sub(otelnetstats.Stats{Opened: opened.Add(-1)}); !got.Opened.Equal(opened) {
		t.Errorf("Opened = %v, want the later one's", got.Opened)
	}
}

func TestTheLast128MarksAreKept(t *testing.T) {
	l := newLab(t)
	conn := l.Register(t.Context(), &stub{})
	var middle otelnetstats.Stats
	for i := range 300 {
		if i == 200 {
			middle = statsOf(t, conn)
		}
		send(t, conn, 1)
		mark(t, conn, fmt.Sprint(i))
		s := statsOf(t, conn)
		kept := min(i+1, 128)
		if len(s.Marks) != kept || s.MarksDropped != i+1-kept {
			t.Fatalf("after %d marks: %d kept, %d dropped; want %d and %d", i+1, len(s.Marks), s.MarksDropped, kept, i+1-kept)
		}
		for j, lap := range s.Marks {
			n := i + 1 - kept + j
			if lap.Name != fmt.Sprint(n) || lap.Sent != 1 || lap.TotalSent != int64(n+1) {
				t.Fatalf("after %d marks, mark %d is %+v, want that of byte %d", i+1, j, lap, n)
			}
		}
	}
	if d := statsOf(t, conn).Sub(middle); len(d.Marks) != 100 || d.Marks[0].Name != "200" || d.MarksDropped != 0 {
		t.Errorf("Sub: %d marks from %q, %d dropped; want 100 from 200, 0", len(d.Marks), d.Marks[0].Name, d.MarksDropped)
	}
	s, _ := otelnetstats.Reset(conn)
	if len(s.Marks) != 128 || s.MarksDropped != 172 {
		t.Errorf("Reset returned %d marks, %d dropped; want 128, 172", len(s.Marks), s.MarksDropped)
	}
	send(t, conn, 3)
	mark(t, conn, "x")
	if s := statsOf(t, conn); len(s.Marks) != 1 || s.Marks[0].Name != "x" || s.Marks[0].TotalSent != 3 || s.MarksDropped != 0 {
		t.Errorf("after Reset, 3 bytes and a mark: %+v", s)
	}
	conn.Close()
}

// TestRegisteringAgainGivesTheSame registers a connection, and what came of it,
// with its Tracker and with another.
func TestRegisteringAgainGivesTheSame(t *testing.T) {
	for name, make := range map[string]func(t *testing.T) net.Conn{
		"tcp":    func(t *testing.T) net.Conn { return dial(t, new(net.Dialer), "tcp", serve(t, wait)) },
		"udp":    func(t *testing.T) net.Conn { return dial(t, new(net.Dialer), "udp", "127.0.0.1:9") },
		"pipe":   func(t *testing.T) net.Conn { c, far := net.Pipe(); t.Cleanup(func() { far.Close() }); return c },
		"custom": func(*testing.T) net.Conn { return &stub{} },
		"unix": func(t *testing.T) net.Conn {
			path := t.TempDir() + "/s"
			serveOn(t, listen(t, "unix", path), wait)
			return dial(t, new(net.Dialer), "unix", path)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inner := make(t)
			cb, otherCB := new(tape), new(tape)
			l, other := newLab(t, otelnetstats.WithCallback(cb)), newLab(t, otelnetstats.WithCallback(otherCB))
			conn := l.Register(t.Context(), inner)
			for what, again := range map[string]net.Conn{
				"the inner one":                  l.Register(t.Context(), inner),
				"the tracked one":                l.Register(t.Context(), conn),
				"the inner one, other Tracker":   other.Register(t.Context(), inner),
				"the tracked one, other Tracker": other.Register(t.Context(), conn),
				"dialed by another's Dialer":     dial(t, &otelnetstats.Dialer{Tracker: other.Tracker, Base: always(conn)}, "tcp", "h:1"),
				"dialed, and it gives the inner": dial(t, &otelnetstats.Dialer{Tracker: other.Tracker, Base: always(inner)}, "tcp", "h:1"),
			} {
				if again != conn {
					t.Errorf("%s: got another connection", what)
				}
			}
			if lookup(t, inner) != lookup(t, conn) {
				t.Error("Lookup of the inner connection gives another record")
			}
			conn.Close()
			cb.want(t, "open", "close local 0 0")
			otherCB.want(t)
			if got := len(other.ended("connection")); got != 0 {
				t.Errorf("the second Tracker made %d connection spans", got)
			}
			if got := collect(t, other.cumulative).sum("netstats.client.connection.count"); got != 0 {
				t.Errorf("the second Tracker counts %d connections", got)
			}
		})
	}
}

func always(c net.Conn) otelnetstats.ContextDialer {
	return otelnetstats.DialFunc(func(context.Context, string, string) (net.Conn, error) { return c, nil })
}

func TestRegisteringAPacketConnAgainGivesTheSame(t *testing.T) {
	cb := new(tape)
	l := newLab(t, otelnetstats.WithCallback(cb))
	inner, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conn := l.RegisterPacketConn(t.Context(), inner)
	if l.RegisterPacketConn(t.Context(), inner) != conn || l.RegisterPacketConn(t.Context(), conn) != conn {
		t.Error("registering a packet connection again gave another")
	}
	if c := l.Register(t.Context(), inner.(net.Conn)); c != conn.(net.Conn) {
		t.Error("Register of a registered packet connection gave another")
	}
	conn.Close()
	cb.want(t, "open", "close local 0 0")
}

func TestRegisteringAtOnceGivesTheSameConcurrentSafe(t *testing.T) {
	cb := new(tape)
	l := newLab(t, otelnetstats.WithCallback(cb))
	inner := &stub{}
	got := make([]net.Conn, 8)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() { got[i] = l.Register(t.Context(), inner) })
	}
	wg.Wait()
	for _, c := range got {
		if c != got[0] {
			t.Fatal("two connections for one")
		}
	}
	got[0].Close()
	cb.want(t, "open", "close local 0 0")
}

// TestRegisteringWithinRegister, as a connection may that registers itself when it is
// asked for its address: the slower one counts nothing.
func TestRegisteringWithinRegister(t *testing.T) {
	cb := new(tape)
	l := newLab(t, otelnetstats.WithCallback(cb))
	var inner *asking
	var first net.Conn
	inner = &asking{ask: func() {
		inner.ask = func() {}
		first = l.Register(t.Context(), inner)
	}}
	conn := l.Register(t.Context(), inner)
	if conn != first {
		t.Error("two connections for one")
	}
	if got := collect(t, l.cumulative).sum("netstats.client.connection.count"); got != 1 {
		t.Errorf("connection.count = %d, want 1", got)
	}
	conn.Close()
	cb.want(t, "open", "close local 0 0")
	if got := collect(t, l.cumulative).sum("netstats.client.connection.count"); got != 0 {
		t.Errorf("connection.count = %d after Close, want 0", got)
	}
	if n := l.Records(); n != 0 {
		t.Errorf("%d records are left", n)
	}
}

// layered is a connection whose first field is the connection below it: both
// are at one address.
type layered struct {
	stub
	top string
}

func TestAConnectionAtAnothersAddressIsNotTheSame(t *testing.T) {
	l := newLab(t)
	both := &layered{top: "compression, say"}
	below := l.Register(t.Context(), &both.stub)
	defer below.Close()
	if _, ok := otelnetstats.Lookup(both); ok {
		t.Error("Lookup of the upper connection gives the lower one's record")
	}
	if top := l.Register(t.Context(), both); top == below {
		t.Error("Register of the upper connection gave the lower one: what is written would go past the layer")
	} else {
		top.Close()
	}
}

func TestConnMethodsAreTheFunctions(t *testing.T) {
	l := newLab(t)
	conn := l.Register(t.Context(), &stub{})
	c := lookup(t, conn)
	send(t, conn, 3)
	if got, want := c.Stats(), statsOf(t, conn); !sameStats(got, want) {
		t.Errorf("Stats() = %+v, want %+v", got, want)
	}
	if lap := c.Mark(t.Context(), "m"); lap.Sent != 3 || len(statsOf(t, conn).Marks) != 1 {
		t.Errorf("Mark() = %+v", lap)
	}
	if s := c.Reset(); s.Sent.Bytes != 3 || len(s.Marks) != 1 {
		t.Errorf("Reset() = %+v", s)
	}
	opened := statsOf(t, conn).Opened
	if s := c.ResetAll(); s.Sent.Bytes != 0 || !s.Opened.Equal(opened) {
		t.Errorf("ResetAll() = %+v", s)
	}
	if got := c.CloseReason(); got != "" {
		t.Errorf("CloseReason() = %q while open", got)
	}
	conn.Close()
	if got := c.CloseReason(); got != otelnetstats.ClosedLocal {
		t.Errorf("CloseReason() = %q", got)
	}
}

func TestConnsAreTheOpenOnes(t *testing.T) {
	l := newLab(t)
	open := map[uint64]net.Conn{}
	for range 5 {
		c := l.Register(t.Context(), &stub{})
		open[lookup(t, c).ID()] = c
	}
	check := func() {
		t.Helper()
		n := 0
		for c := range l.Conns() {
			n++
			if open[c.ID()] == nil {
				t.Errorf("Conns has connection %d, which is not open", c.ID())
			}
		}
		if n != len(open) {
			t.Errorf("Conns has %d connections, want %d", n, len(open))
		}
	}
	check()
	for id, c := range open {
		c.Close()
		delete(open, id)
		check()
	}
	first := l.Register(t.Context(), &stub{})
	second := l.Register(t.Context(), &stub{})
	for range l.Conns() { // connections may end while it runs
		first.Close()
		second.Close()
	}
	check()
}
