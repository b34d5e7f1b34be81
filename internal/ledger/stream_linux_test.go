package ledger

import (
	"errors"
	"io"
	"time"
)

// A stream is one direction of a relay, with what it carried.
type stream struct {
	read    int64 // bytes from the sender
	eof     bool  // all bytes from the sender were read: its FIN was, and nothing was reset
	written int64 // bytes that the kernel accepted for the receiver
	sentFIN bool  // to the receiver; if aborted, it may not have arrived
	aborted bool  // an RST, or a close with bytes unread, ended the receiver's connection
	faulty  bool  // bytes were dropped, by a fault or by a reset

	from, to *proxyConn
	faults   faults
	stop     <-chan struct{} // closed when the other stream was aborted
}

// carry moves bytes until the sender's end of stream or an error.
func (s *stream) carry() {
	b := make([]byte, 32<<10)
	for {
		n, err := s.from.conn.Read(b[:s.room(len(b))])
		s.read += int64(n)
		if !s.write(b[:n]) {
			return
		}
		if errors.Is(err, io.EOF) {
			s.eof = true
			s.to.closeWrite()
			return
		}
		if err != nil {
			s.abort(s.from, s.to)
			return
		}
		if s.faults.then != noFault && s.read >= s.faults.at {
			s.fail()
			if s.faults.then != halfClose {
				return
			}
			s.faults.then = noFault
		}
	}
}

// room is how much to read at once. It ends where the fault is to happen.
func (s *stream) room(most int) int {
	if s.faults.then == noFault || s.read >= s.faults.at {
		return most
	}
	return int(min(int64(most), s.faults.at-s.read))
}

// fail makes the fault.
func (s *stream) fail() {
	s.faulty = true
	switch s.faults.then {
	case noFault:
	case halfClose:
		s.to.closeWrite()
	case resetSender:
		s.abort(s.from)
	case resetReceiver:
		s.abort(s.to)
	case resetBoth:
		s.abort(s.from, s.to)
	}
}

// abort resets the given connections and closes the others. That ends the other
// stream, too.
func (s *stream) abort(reset ...*proxyConn) {
	s.faulty = true
	for _, c := range reset {
		c.reset()
	}
	for _, c := range []*proxyConn{s.from, s.to} {
		c.aborted.Store(true)
		c.close()
	}
}

// write writes b to the receiver, in slices and with delays. It reports whether
// the stream goes on.
func (s *stream) write(b []byte) bool {
	if s.to.halfClosed.Load() {
		return true // b is dropped
	}
	for len(b) > 0 {
		part := b
		if s.faults.slice > 0 && s.written < s.faults.sliceFor {
			part = b[:min(len(b), s.faults.slice)]
		}
		s.delay()
		n, err := s.to.conn.Write(part)
		s.written += int64(n)
		if err != nil {
			s.abort(s.from, s.to)
			return false
		}
		b = b[n:]
	}
	return true
}

// delay waits, unless the stream is over.
func (s *stream) delay() {
	if s.faults.delays == 0 {
		return
	}
	s.faults.delays--
	timer := time.NewTimer(s.faults.delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.stop:
	}
}

// finish notes what is known only when both streams are over.
func (s *stream) finish() {
	s.aborted = s.to.aborted.Load()
	s.sentFIN = s.to.halfClosed.Load() || !s.to.sentRST.Load()
	if s.aborted || s.from.aborted.Load() {
		s.faulty = true
		// After a reset, a read finds an end of stream if a write of the other stream
		// has returned the error.
		s.eof = false
	}
}
