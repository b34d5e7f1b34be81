package connstat

import (
	"sync/atomic"
	"weak"

	"github.com/netstats-go/netstats/internal/tcpinfo"
)

// kernel takes the sent bytes of a TCP connection from the kernel, where writev
// moves some past the wrapper.
//
// The kernel's number has the bytes of all writes, counted or not, and of those
// in flight what it has accepted of them. So it is never more than the truth,
// and neither is the sum of the counted writes: the larger of the two is what
// was sent, it never shrinks, and it is exact whenever a reading is fresh.
// Nothing is added up, so nothing is counted twice. Where no writev was begun,
// the kernel is not asked, and what was counted is exact by itself.
type kernel struct {
	socket weak.Pointer[tcpinfo.Socket]
	last   atomic.Int64 // largest reading
	begun  atomic.Int64 // bytes of the counted writes that began; kept where each call is watched
}

// Reconcile has the connection's sent bytes taken from the kernel, too. It is
// called before the wrapper is handed out. The Record keeps the socket only
// weakly; the wrapper owns it.
func (r *Record) Reconcile(s *tcpinfo.Socket) { r.kernel.socket = weak.Make(s) }

// Reconciled reports whether [Record.Reconcile] was called.
func (r *Record) Reconciled() bool { return r.kernel.socket != weak.Pointer[tcpinfo.Socket]{} }

// Sample asks the kernel for the bytes sent, if it may know of more.
func (r *Record) Sample() {
	if s := r.kernel.socket.Value(); s != nil && s.Writev() {
		if info, ok := s.Info(); ok {
			r.Sampled(info)
		}
	}
}

// Ask asks the kernel about the connection, where that is possible.
func (r *Record) Ask() (tcpinfo.Info, bool) {
	s := r.kernel.socket.Value()
	if s == nil {
		return tcpinfo.Info{}, false
	}
	info, ok := s.Info()
	if ok {
		r.Sampled(info)
	}
	return info, ok
}

// Sampled takes a reading of the kernel into account. The wrapper's Close has
// one that is later than any other.
func (r *Record) Sampled(info tcpinfo.Info) {
	if info.HasSent && storeMax(&r.kernel.last, info.Sent) > 0 {
		r.touch()
	}
}

// Begin announces a write of n bytes; each Begin is followed by one
// [Record.Done].
func (r *Record) Begin(n int64) {
	if r.each {
		r.kernel.begun.Add(n)
	}
}

// Done counts a write of which Begin announced the given number of bytes.
func (r *Record) Done(announced, n int64, err error) {
	if r.each && n != announced {
		r.kernel.begun.Add(n - announced)
	}
	r.Sent(n, err)
}

// Unwatched is the number of bytes sent, as of the last reading, of which a
// watcher was not told and will not be. It is exact if no counted write is in
// flight, and never too large: begun has all that one may yet be told of.
func (r *Record) Unwatched() int64 {
	last := r.kernel.last.Load() // before begun
	return max(0, last-r.kernel.begun.Load())
}
