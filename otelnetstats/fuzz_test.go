package otelnetstats_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/netstats-go/netstats/otelnetstats"
)

// FuzzPipe goes through a sequence of calls on a tracked pipe, and compares what
// is told with sums. Two bytes make a call: what to do, and how much.
func FuzzPipe(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 10, 1, 10, 3, 0, 0, 5, 4, 0, 1, 5, 6, 0})
	f.Add([]byte{0, 9, 2, 0, 3, 0, 5, 0, 3, 0, 0, 3, 1, 20, 8, 0})
	f.Add([]byte{0, 0, 1, 0, 9, 0, 3, 0, 6, 0, 0, 0, 1, 0, 9, 0})
	f.Add([]byte{1, 200, 7, 0, 1, 1, 0, 1, 3, 0, 8, 0, 0, 1})
	f.Add([]byte{9, 77, 0, 129, 1, 255, 4, 0, 9, 3, 5, 0, 8, 0, 3, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		p := newFuzzedPipe(t)
		for len(data) >= 2 && !t.Failed() {
			p.step(data[0]%10, int64(data[1]))
			data = data[2:]
		}
		p.finish()
	})
}

// A fuzzedPipe is a tracked pipe and what should be told of it.
type fuzzedPipe struct {
	t                 *testing.T
	lab               *lab
	inner, conn, peer net.Conn

	flows     [2]otelnetstats.Flow // received and sent, in all
	base, lap [2]otelnetstats.Flow // at the latest reset; at the latest mark or reset
	marks     int                  // since the latest reset
	told      fuzzedCallback
}

// fuzzedCallback adds up what it is told.
type fuzzedCallback struct {
	otelnetstats.NopCallback
	bytes  [2]int64
	closed int
}

func (c *fuzzedCallback) Read(_ context.Context, _ *otelnetstats.Conn, n int) { c.bytes[0] += int64(n) }

func (c *fuzzedCallback) Write(_ context.Context, _ *otelnetstats.Conn, n int) {
	c.bytes[1] += int64(n)
}
func (c *fuzzedCallback) Close(context.Context, *otelnetstats.Conn) { c.closed++ }

func newFuzzedPipe(t *testing.T) *fuzzedPipe {
	t.Helper()
	p := &fuzzedPipe{t: t}
	p.lab = newLab(t, otelnetstats.WithCallback(&p.told))
	p.inner, p.peer = net.Pipe()
	p.conn = p.lab.Register(t.Context(), p.inner)
	return p
}

// moved enters a call.
func (p *fuzzedPipe) moved(direction int, n int64) {
	if n > 0 {
		p.flows[direction].Bytes += n
		p.flows[direction].Operations++
	}
}

func (p *fuzzedPipe) step(what byte, size int64) {
	p.t.Helper()
	switch what {
	case 0:
		p.write(size)
	case 1:
		p.read(size)
	case 2: // a deadline that has passed
		_ = p.conn.SetDeadline(time.Unix(1, 0)) // fails once closed
		n, err := p.conn.Read(make([]byte, 1))
		p.allowed(int64(n), 0, err)
		_ = p.conn.SetDeadline(time.Time{})
	case 3:
		p.mark()
	case 4:
		p.reset(otelnetstats.Reset)
	case 5:
		p.reset(otelnetstats.ResetAll)
	case 6:
		p.peer.Close()
	case 7:
		if again := p.lab.Register(p.t.Context(), p.inner); again != p.conn {
			p.t.Error("registered again, it is another connection")
		}
	case 8:
		p.conn.Close()
	case 9:
		p.copy(size)
	}
	p.check()
}

// allowed checks what a call returned that was to move want bytes, or none if
// the pipe is closed or a deadline passed.
func (p *fuzzedPipe) allowed(n, want int64, err error) {
	p.t.Helper()
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrClosedPipe), errors.Is(err, os.ErrDeadlineExceeded):
		if n == 0 {
			return
		}
	case err == nil && n == want:
		return
	}
	p.t.Errorf("%d, %v, want %d", n, err, want)
}

// write has the peer take what is written, in two parts.
func (p *fuzzedPipe) write(size int64) {
	p.t.Helper()
	taken := p.peerDoes(func() {
		if size == 0 {
			_, _ = p.peer.Read(make([]byte, 1)) // a pipe wants a reader for nothing, too
			return
		}
		_, _ = io.ReadFull(p.peer, make([]byte, size/2)) // fails if the pipe is closed
		_, _ = io.ReadFull(p.peer, make([]byte, size-size/2))
	})
	n, err := p.conn.Write(make([]byte, size))
	p.moved(1, int64(n))
	p.allowed(int64(n), size, err)
	taken(err)
}

// peerDoes has the peer do something, and returns a function that waits until it
// has. What ends with an error on this side is ended on the peer's as well.
func (p *fuzzedPipe) peerDoes(act func()) (wait func(error)) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		act()
	}()
	return func(err error) {
		if err != nil {
			p.peer.Close()
		}
		<-done
	}
}

// read takes what the peer writes, in parts of at most seven bytes.
func (p *fuzzedPipe) read(size int64) {
	p.t.Helper()
	written := p.peerDoes(func() { _, _ = p.peer.Write(make([]byte, size)) })
	var last error
	for left := size; left > 0 && last == nil; {
		part := min(7, left)
		n, err := p.conn.Read(make([]byte, part))
		p.moved(0, int64(n))
		p.allowed(int64(n), part, err)
		left -= int64(n)
		last = err
	}
	if size == 0 {
		last = p.takeNothing()
	}
	written(last)
}

// takeNothing meets the peer's empty write, for which a pipe wants a reader.
func (p *fuzzedPipe) takeNothing() error {
	n, err := p.conn.Read(make([]byte, 1))
	p.moved(0, int64(n))
	p.allowed(int64(n), 0, err)
	return err
}

// copy has io.Copy move bytes to the pipe in one write.
func (p *fuzzedPipe) copy(size int64) {
	p.t.Helper()
	taken := p.peerDoes(func() { _, _ = io.ReadFull(p.peer, make([]byte, size)) })
	n, err := io.Copy(p.conn, io.LimitReader(zeroes{}, size))
	p.moved(1, n)
	p.allowed(n, size, err)
	taken(err)
}

// zeroes is a reader that does not end.
type zeroes struct{}

func (zeroes) Read(b []byte) (int, error) { return len(b), nil }

func (p *fuzzedPipe) mark() {
	p.t.Helper()
	lap, ok := otelnetstats.Mark(p.t.Context(), p.conn, "mark")
	got := [4]int64{lap.Received, lap.Sent, lap.TotalReceived, lap.TotalSent}
	want := [4]int64{
		p.flows[0].Bytes - p.lap[0].Bytes, p.flows[1].Bytes - p.lap[1].Bytes,
		p.flows[0].Bytes - p.base[0].Bytes, p.flows[1].Bytes - p.base[1].Bytes,
	}
	if !ok || got != want {
		p.t.Errorf("Mark: %d, want %d", got, want)
	}
	p.lap = p.flows
	p.marks++
}

func (p *fuzzedPipe) reset(reset func(otelnetstats.Endpoint) (otelnetstats.Stats, bool)) {
	p.t.Helper()
	s, _ := reset(p.conn)
	p.same("Reset", s)
	p.base, p.lap, p.marks = p.flows, p.flows, 0
}

func (p *fuzzedPipe) check() {
	p.t.Helper()
	p.same("StatsOf", statsOf(p.t, p.conn))
	if want := [2]int64{p.flows[0].Bytes, p.flows[1].Bytes}; p.told.bytes != want {
		p.t.Errorf("callbacks were told of %d, want %d", p.told.bytes, want)
	}
}

func (p *fuzzedPipe) same(what string, s otelnetstats.Stats) {
	p.t.Helper()
	since := func(d int) otelnetstats.Flow {
		return otelnetstats.Flow{
			Bytes:      p.flows[d].Bytes - p.base[d].Bytes,
			Operations: p.flows[d].Operations - p.base[d].Operations,
		}
	}
	if s.Received != since(0) || s.Sent != since(1) {
		p.t.Errorf("%s: %+v and %+v, want %+v and %+v", what, s.Received, s.Sent, since(0), since(1))
	}
	if got := len(s.Marks) + s.MarksDropped; got != p.marks {
		p.t.Errorf("%s: %d marks, want %d", what, got, p.marks)
	}
}

// finish closes, and holds span and metrics against the sums.
func (p *fuzzedPipe) finish() {
	open := p.told.closed == 0
	atClose := p.flows
	p.conn.Close()
	p.conn.Close()
	p.peer.Close()
	if p.told.closed != 1 {
		p.t.Errorf("the close callback ran %d times", p.told.closed)
	}
	if open { // else there may be late calls, which the span does not have
		attrsOf(p.lab.only(p.t, "connection ").Attributes()).want(p.t, "span",
			attribute.Int64("netstats.receive.size", atClose[0].Bytes),
			attribute.Int64("netstats.transmit.size", atClose[1].Bytes),
			attribute.Int64("netstats.receive.operations", atClose[0].Operations),
			attribute.Int64("netstats.transmit.operations", atClose[1].Operations))
	}
	s := collect(p.t, p.lab.cumulative)
	got := [3]int64{s.sum("netstats.client.io", received), s.sum("netstats.client.io", transmitted), s.sum("netstats.client.connection.count")}
	if want := [3]int64{p.flows[0].Bytes, p.flows[1].Bytes, 0}; got != want {
		p.t.Errorf("metrics: received, sent and open are %d, want %d", got, want)
	}
}
