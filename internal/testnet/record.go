package testnet

import (
	"testing"
	"time"

	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/tcpinfo"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// A Record is a connstat.Record that is its own owner.
type Record struct {
	connstat.Record
	Totals connstat.Totals

	// AtEnd, if not nil, is called when the connection ends, before it is
	// closed, as a callback of the user's is. It must be set before the record
	// is used.
	AtEnd func()

	// Reveals are the connections that the program got, with their wrappers.
	Reveals [][2]any

	set   connstat.OpenSet
	ended chan connstat.Reason
}

// NewRecord returns a record with totals of its own.
func NewRecord() *Record { return newRecord(connstat.Config{}) }

// NewPacketRecord returns a record of a packet connection.
func NewPacketRecord() *Record { return newRecord(connstat.Config{Packet: true}) }

// NewWatchedRecord returns a record that calls watch after each call.
func NewWatchedRecord(watch func(connstat.Direction, int64)) *Record {
	return newRecord(connstat.Config{Watch: watch, EachCall: true})
}

func newRecord(c connstat.Config) *Record {
	r := &Record{ended: make(chan connstat.Reason, 8)}
	c.Totals, c.Set = &r.Totals, &r.set
	r.Init(r, c)
	return r
}

// Ended implements connstat.Owner.
func (r *Record) Ended(tcpinfo.Info, bool) {
	if r.AtEnd != nil {
		r.AtEnd()
	}
}

// Closed implements connstat.Owner.
func (r *Record) Closed() { r.ended <- r.Reason() }

// Revealed implements connstat.Owner.
func (r *Record) Revealed(conn, wrapper any) { r.Reveals = append(r.Reveals, [2]any{conn, wrapper}) }

// Wait returns why the connection ended, and waits for it.
func (r *Record) Wait(t testing.TB) connstat.Reason {
	t.Helper()
	select {
	case reason := <-r.ended:
		return reason
	case <-time.After(patience):
		t.Fatal("the connection did not end")
		return connstat.Open
	}
}

// Endings is the number of ends not waited for.
func (r *Record) Endings() int { return len(r.ended) }

// Bytes returns the bytes counted, after asking the kernel.
func (r *Record) Bytes() (received, sent int64) {
	r.Sample()
	in, out := r.Flows()
	return in.Bytes, out.Bytes
}

// WantBytes fails the test if other numbers of bytes were counted, by the
// record or in its totals.
func (r *Record) WantBytes(t testing.TB, received, sent int64) {
	t.Helper()
	if in, out := r.Bytes(); in != received || out != sent {
		t.Errorf("counted %d bytes received and %d sent, want %d and %d", in, out, received, sent)
	}
	r.set.Fold()
	if in, out := r.Totals.Flows(); in.Bytes != received || out.Bytes != sent {
		t.Errorf("totals are %d bytes received and %d sent, want %d and %d", in.Bytes, out.Bytes, received, sent)
	}
}
