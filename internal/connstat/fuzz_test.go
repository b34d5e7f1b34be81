package connstat_test

import (
	"errors"
	"io"
	"os"
	"testing"

	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/tcpinfo"
)

// A tape is what a fuzzer wrote: the bytes that decide what happens.
type tape struct{ data []byte }

// next returns the next byte, zero at the end.
func (p *tape) next() byte {
	if len(p.data) == 0 {
		return 0
	}
	b := p.data[0]
	p.data = p.data[1:]
	return b
}

func (p *tape) more() bool { return len(p.data) > 0 }

// number returns one of the numbers at which something changes, or one like it.
func (p *tape) number(edges ...int64) int64 {
	n := edges[int(p.next())%len(edges)]
	return n + int64(int8(p.next()))
}

// FuzzCounter adds to a counter, near the limits of its word.
func FuzzCounter(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 2, 255, 1, 1, 0, 2, 255, 1, 1, 0, 2, 255, 1, 1})
	f.Add([]byte{0, 0, 1, 2, 0, 0, 0, 1, 2, 255, 0, 0, 1, 2, 255, 1, 3, 2, 1})
	f.Add([]byte{2, 2, 255, 2, 0, 2, 2, 255, 2, 0, 3, 0, 2, 255, 2, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		var (
			c    connstat.Counter
			want connstat.Flow
		)
		p := tape{data}
		for p.more() {
			what := p.next() % 4
			n := min(max(0, p.number(0, connstat.MaxPacked>>1, connstat.MaxPacked-1)), connstat.MaxPacked-1)
			if what == 1 {
				c.AddWide(n)
				want.Bytes += n
			} else {
				operations := uint64(max(0, p.number(0, 1, 1<<(connstat.OperationBits-2))))
				addAndSpill(&c, n, operations, what == 2)
				want.Bytes += n
				want.Operations += int64(operations)
			}
			if got := c.Load(); got != want {
				t.Fatalf("%+v, want %+v", got, want)
			}
		}
	})
}

// addAndSpill does what a call does; if busy, the spill has to be put off.
func addAndSpill(c *connstat.Counter, n int64, operations uint64, busy bool) {
	if !c.Add(n, operations) {
		return
	}
	if busy {
		release := c.HoldWide()
		c.Spill()
		release()
		if !c.Add(0, 0) {
			panic("a spill that was put off is forgotten")
		}
	}
	c.Spill()
}

// FuzzRecord goes through a sequence of operations and compares with sums.
func FuzzRecord(f *testing.F) {
	f.Add([]byte{0})
	f.Add([]byte{0, 0, 1, 9, 0, 1, 1, 7, 0, 4, 0, 0, 5, 0, 1, 1, 1, 1, 4})
	f.Add([]byte{1, 0, 0, 0, 0, 2, 3, 1, 0, 1, 0, 0, 1, 4})
	f.Add([]byte{2, 1, 3, 0, 0, 3, 3, 1, 1, 3, 255, 0, 3, 3, 9, 4})
	f.Add([]byte{7, 1, 3, 255, 0, 1, 3, 255, 0, 1, 3, 255, 0, 1, 3, 255, 0, 1, 3, 255, 0, 6, 4}) // more than the word takes
	f.Fuzz(func(t *testing.T, data []byte) {
		p := tape{data}
		m := newRecordModel(p.next())
		for p.more() {
			m.step(&p)
			m.check(t)
		}
		m.life.Closing()
		m.life.Sent(1, nil) // late
		m.sum(connstat.Sent, 1, nil)
		m.folds = true
		m.check(t)
		if n := m.group.totals.Open(); n != 0 {
			t.Errorf("%d open at the end", n)
		}
	})
}

// A recordModel is a record and what its numbers should be.
type recordModel struct {
	group      group
	life       *life
	packet     bool
	flows      [2]connstat.Flow
	kernel     int64    // the largest answer
	told       [2]int64 // by watch
	folds      bool     // the latest step had everything folded
	reconciled bool
}

func newRecordModel(flags byte) *recordModel {
	m := &recordModel{packet: flags&1 != 0, reconciled: flags&2 != 0 && flags&1 == 0}
	c := connstat.Config{Packet: m.packet}
	if flags&4 != 0 {
		c.Watch = func(d connstat.Direction, n int64) { m.told[d] += max(0, n) }
	} else {
		m.told = [2]int64{-1, -1}
	}
	m.life = m.group.prepare(c)
	if m.reconciled {
		m.life.AsSampled()
	}
	m.group.set.Add(&m.life.Record)
	return m
}

var fuzzErrors = []error{nil, nil, nil, io.EOF, io.ErrClosedPipe, os.ErrDeadlineExceeded, errors.New("other")}

func (m *recordModel) step(p *tape) {
	m.folds = false
	what := p.next() % 8
	n := p.number(0, 1, 1<<16, connstat.MaxPacked-1, 1<<40)
	err := fuzzErrors[int(p.next())%len(fuzzErrors)]
	switch what {
	case 0:
		m.life.Received(n, err)
		m.sum(connstat.Received, n, err)
	case 1:
		m.life.Sent(n, err)
		m.sum(connstat.Sent, n, err)
	case 2:
		if !m.packet || err != nil {
			return
		}
		m.life.Received(0, nil) // an empty datagram
		m.sum(connstat.Received, 0, nil)
	case 3:
		if m.reconciled {
			m.life.Sampled(tcpinfo.Info{Sent: n, HasSent: true})
			m.kernel = max(m.kernel, n)
		}
	case 4:
		m.folds = true
	case 5:
		m.life.Closing()
	case 6:
		m.life.DeadlineSet()
	case 7:
		m.life.HalfClosed()
	}
}

// sum counts a call as it should be counted.
func (m *recordModel) sum(d connstat.Direction, n int64, err error) {
	if n <= 0 && (err != nil || !m.packet) {
		return
	}
	m.flows[d].Operations++
	m.flows[d].Bytes += max(0, n)
}

func (m *recordModel) check(t *testing.T) {
	t.Helper()
	received, sent := m.life.Flows()
	want := m.flows
	if told := m.told; told[0] >= 0 && (told[0] != want[0].Bytes || told[1] != want[1].Bytes) {
		t.Fatalf("watch was told of %d, want %+v", told, want)
	}
	want[connstat.Sent].Bytes = max(want[connstat.Sent].Bytes, m.kernel)
	if got := [2]connstat.Flow{received, sent}; got != want {
		t.Fatalf("%+v, want %+v", got, want)
	}
	if !m.folds {
		return
	}
	received, sent = m.group.folded()
	if got := [2]connstat.Flow{received, sent}; got != want {
		t.Fatalf("totals %+v, want %+v", got, want)
	}
}
