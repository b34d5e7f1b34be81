package ledger

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A Leg is one direction of a [Passage], with the books of what it carried.
type Leg struct {
	Read    int64 // bytes that came from the sender
	EOF     bool  // the sender's FIN was read, and nothing was reset
	Written int64 // bytes that the kernel took for the receiver
	FIN     bool  // the receiver was sent a FIN; it may not have arrived if Aborted
	Aborted bool  // an RST, or a Close with bytes unread, ended the receiver's connection
	Faulty  bool  // bytes were dropped, on purpose or by a reset

	from, to *side
	faults   Faults
	stop     <-chan struct{} // closed when the other leg was aborted
}

// A side is a connection of the proxy's, which both legs use.
type side struct {
	conn      *net.TCPConn
	once      sync.Once
	aborted   atomic.Bool // ended by a reset of it or of the other side
	reset     atomic.Bool // by an RST of ours
	halfClose atomic.Bool // a FIN was sent before
}

// abort closes with an RST.
func (s *side) abort() {
	s.once.Do(func() {
		s.reset.Store(true)
		s.conn.SetLinger(0)
		s.conn.Close()
	})
}

// close closes with a FIN, or with an RST if there is something unread.
func (s *side) close() {
	s.once.Do(func() { s.conn.Close() })
}

func (s *side) closeWrite() {
	if s.conn.CloseWrite() == nil {
		s.halfClose.Store(true)
	}
}

// carry moves bytes until the sender's end of stream or an error.
func (l *Leg) carry() {
	b := make([]byte, 32<<10)
	for {
		n, err := l.from.conn.Read(b[:l.room(len(b))])
		l.Read += int64(n)
		if !l.pass(b[:n]) {
			return
		}
		if errors.Is(err, io.EOF) {
			l.EOF = true
			l.to.closeWrite()
			return
		}
		if err != nil {
			l.abort(l.from, l.to)
			return
		}
		if l.faults.Then != None && l.Read >= l.faults.At {
			l.fail()
			if l.faults.Then != HalfClose {
				return
			}
			l.faults.Then = None
		}
	}
}

// room is how much to read at once, so that a fault happens where it should.
func (l *Leg) room(most int) int {
	if l.faults.Then == None || l.Read >= l.faults.At {
		return most
	}
	return int(min(int64(most), l.faults.At-l.Read))
}

// fail makes the fault.
func (l *Leg) fail() {
	l.Faulty = true
	switch l.faults.Then {
	case None:
	case HalfClose:
		l.to.closeWrite()
	case ResetSender:
		l.abort(l.from)
	case ResetReceiver:
		l.abort(l.to)
	case ResetBoth:
		l.abort(l.from, l.to)
	}
}

// abort resets some sides and closes the others, which ends the other leg, too.
func (l *Leg) abort(sides ...*side) {
	l.Faulty = true
	for _, s := range sides {
		s.abort()
	}
	for _, s := range []*side{l.from, l.to} {
		s.aborted.Store(true)
		s.close()
	}
}

// pass writes b to the receiver, in slices and with delays. It reports whether
// the leg goes on.
func (l *Leg) pass(b []byte) bool {
	if l.to.halfClose.Load() {
		return true // dropped
	}
	for len(b) > 0 {
		part := b
		if l.faults.Slice > 0 && l.Written < l.faults.SliceFor {
			part = b[:min(len(b), l.faults.Slice)]
		}
		l.delay()
		n, err := l.to.conn.Write(part)
		l.Written += int64(n)
		if err != nil {
			l.abort(l.from, l.to)
			return false
		}
		b = b[n:]
	}
	return true
}

// delay waits, but not for longer than the leg can go on.
func (l *Leg) delay() {
	if l.faults.Delays == 0 {
		return
	}
	l.faults.Delays--
	timer := time.NewTimer(l.faults.Delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.stop:
	}
}

// settle completes the books once both legs are over.
func (l *Leg) settle() {
	l.Aborted = l.to.aborted.Load()
	l.FIN = l.to.halfClose.Load() || !l.to.reset.Load()
	if l.Aborted || l.from.aborted.Load() {
		l.Faulty = true
		l.EOF = false // a read says so, too, after a reset that the other leg's write was told of
	}
}
