package tcpinfo

import (
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The states of a connection that matter here, as tcpi_state has them.
const (
	stateSynSent   = 2
	stateFinWait1  = 4
	stateFinWait2  = 5
	stateTimeWait  = 6
	stateClose     = 7
	stateCloseWait = 8
	stateLastAck   = 9
	stateListen    = 10
	stateClosing   = 11
)

// enough is the length of an answer that has all that Sent is made of. The
// kernel cuts the struct where its own ends (bytes_sent came with Linux 4.19).
const enough = unsafe.Offsetof(unix.TCPInfo{}.Bytes_retrans) + 8

// A query is one question and room for the answer. Queries are pooled and not on
// the stack because RawConn.Control wants a func, which would be made for each
// question.
type query struct {
	control func(fd uintptr)

	socket *Socket // nil if bytes are of no interest
	last   bool

	info   unix.TCPInfo
	length uint32
	errno  syscall.Errno
	queued int32 // SIOCOUTQ: bytes accepted and not acknowledged
	failed int32 // SO_ERROR
	sent   int64

	hold func(fd uintptr)
	held int // a duplicate, or -1

	raw syscall.RawConn // that is asked, where there is no socket

	first    func(fd uintptr)
	kind     func(fd uintptr)
	protocol int32
	start    numbers
}

var queries = sync.Pool{New: func() any {
	q := new(query)
	q.control, q.hold, q.first, q.kind = q.get, q.duplicate, q.getFirst, q.getProtocol
	return q
}}

// get asks all that the query is about.
func (q *query) get(fd uintptr) {
	if q.getInfo(fd); q.errno != 0 {
		return
	}
	if q.socket != nil && q.length >= uint32(enough) {
		q.getSent(fd)
	}
	if q.failed = 0; q.last && q.info.State == stateClose {
		q.getFailed(fd)
	}
}

// getFailed asks for the error of a socket that the kernel has closed. The kernel
// tells it once, so a read that is under way is to have it. That one would have seen
// a FIN, so there was none, and the error is that of a RST or of silence.
func (q *query) getFailed(fd uintptr) {
	switch {
	case !q.reading():
		_, _ = getsockopt(fd, unix.SOL_SOCKET, unix.SO_ERROR, unsafe.Pointer(&q.failed), 4)
	case q.info.Retransmits > 0 || q.info.Probes > 0:
		q.failed = int32(unix.ETIMEDOUT)
	default:
		q.failed = int32(unix.ECONNRESET)
	}
}

func (q *query) reading() bool {
	if q.socket != nil {
		return q.socket.descriptor.reading()
	}
	return descriptorIn(q.raw).reading()
}

func (q *query) getInfo(fd uintptr) {
	q.length, q.errno = getsockopt(fd, unix.IPPROTO_TCP, unix.TCP_INFO, unsafe.Pointer(&q.info), uint32(unsafe.Sizeof(q.info)))
}

func (q *query) getQueued(fd uintptr) {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, unix.SIOCOUTQ, uintptr(unsafe.Pointer(&q.queued)))
	if errno != 0 {
		q.queued = 0 // too few is better than too many
	}
}

// maxReadings bounds how often the kernel is asked again while acknowledgments
// come in.
const maxReadings = 16

// getSent finds the number of bytes that the kernel accepted since the socket's
// start. info has been asked for.
//
// What was passed to the network comes in one reading. It is exact, unless a
// queue of this host drops a packet: that was passed on, and will be again, as
// if it were new. (A traffic shaper does so all the time.) What was acknowledged
// cannot be too large, but it takes two questions, between which an
// acknowledgment may come in; then it is too small. So the first is bounded by
// the second, and where they differ, the second is asked for again until nothing
// has been acknowledged in between.
func (q *query) getSent(fd uintptr) {
	passed := q.passed() - q.socket.start.passed
	bound := int64(0)
	for range maxReadings {
		before := q.info.Bytes_acked
		q.getQueued(fd)
		bound = max(bound, q.acked()-q.socket.start.acked)
		if bound >= passed {
			break
		}
		if q.getInfo(fd); q.errno != 0 || q.info.Bytes_acked == before {
			break
		}
	}
	q.sent = min(passed, bound)
}

// passed is the number of bytes that were passed to the network at least once, or
// that wait for it, from one reading.
//
// bytes_sent and bytes_retrans count data without SYN and FIN; notsent_bytes is
// a distance of sequence numbers, so that a FIN that is queued and not sent is
// one of them.
func (q *query) passed() int64 {
	n := int64(q.info.Bytes_sent) - int64(q.info.Bytes_retrans) + int64(q.info.Notsent_bytes)
	if q.info.Notsent_bytes > 0 && q.hasFIN() {
		n--
	}
	return n
}

// acked is the number of bytes that were acknowledged, or that wait for it. Both
// parts are distances of sequence numbers, so that a FIN is one of them, for good.
func (q *query) acked() int64 {
	n := int64(q.info.Bytes_acked) + int64(q.queued)
	if q.hasFIN() {
		n--
	}
	return n
}

// hasFIN reports whether one of the bytes may be a FIN of this side. The kernel
// reads the state before it locks the socket: the numbers may be those after a
// shutdown, while the state is still the one before. And after a reset the state
// no longer tells. When in doubt one byte too few is better than one too many, as
// a later answer can only be larger.
//
// It must be asked after the numbers, so that a FIN in them is known of.
func (q *query) hasFIN() bool {
	switch q.info.State {
	case stateFinWait1, stateFinWait2, stateTimeWait, stateLastAck, stateClosing:
		return true
	}
	return q.socket != nil && q.socket.fins.Load() > 0
}

// peer says what became of the other end.
func (q *query) peer() Peer {
	switch q.info.State {
	case stateCloseWait, stateLastAck:
		return PeerClosed
	case stateClose:
		return peerOf(syscall.Errno(q.failed)) //nolint:gosec // an error number
	}
	return PeerUnknown
}

// peerOf says what an error means that made the kernel close a connection. A RST
// that comes after a FIN is EPIPE. Where somebody has taken the error away, it is
// only known that the peer was first.
func peerOf(errno syscall.Errno) Peer {
	switch errno {
	case unix.ECONNRESET:
		return PeerReset
	case unix.ETIMEDOUT:
		return PeerTimedOut
	case unix.EPIPE, 0:
		return PeerClosed
	}
	return PeerUnknown
}

// getFirst asks for the protocol, too, which never changes.
func (q *query) getFirst(fd uintptr) {
	if q.getProtocol(fd); q.errno != 0 {
		return
	}
	q.getInfo(fd)
	for range maxReadings {
		before := q.info.Bytes_acked
		q.getQueued(fd)
		if q.getInfo(fd); q.errno != 0 || q.info.Bytes_acked == before {
			break
		}
	}
	q.start = numbers{passed: q.passed(), acked: q.acked()}
}

func (q *query) getProtocol(fd uintptr) {
	q.protocol = 0
	_, q.errno = getsockopt(fd, unix.SOL_SOCKET, unix.SO_PROTOCOL, unsafe.Pointer(&q.protocol), 4)
}

func (q *query) duplicate(fd uintptr) {
	var err error
	if q.held, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0); err != nil {
		q.held = -1
	}
}

// newQuery returns a query about a socket, nil if bytes are of no interest.
func newQuery(s *Socket, last bool) *query {
	q := queries.Get().(*query)
	q.socket, q.last = s, last
	if s != nil && !s.Writev() {
		q.socket = nil
	}
	return q
}

func (q *query) free() {
	q.socket, q.raw = nil, nil // so that the pool keeps no connection
	queries.Put(q)
}

func ask(c syscall.RawConn, s *Socket, last bool) (Info, bool) {
	q := newQuery(s, last)
	defer q.free()
	q.raw = c
	if err := c.Control(q.control); err != nil {
		return Info{}, false
	}
	return q.answer()
}

// hold returns a duplicate of the descriptor of c.
func hold(c syscall.RawConn) (fd int, ok bool) {
	q := newQuery(nil, false)
	defer q.free()
	q.held = -1
	err := c.Control(q.hold)
	return q.held, err == nil && q.held >= 0
}

// release asks about a duplicate, if that is of use, and closes it.
func release(fd int, s *Socket) (Info, bool) {
	defer unix.Close(fd)
	if !s.Writev() {
		return Info{}, false
	}
	q := newQuery(s, false)
	defer q.free()
	q.get(uintptr(fd))
	return q.answer()
}

// answer makes an Info of what the kernel wrote.
func (q *query) answer() (Info, bool) {
	if q.errno != 0 || q.length < uint32(unsafe.Offsetof(q.info.Pacing_rate)) {
		return Info{}, false
	}
	info := Info{
		RTT:         time.Duration(q.info.Rtt) * time.Microsecond,
		Retransmits: int64(q.info.Total_retrans),
		PeerLeft:    !q.hasFIN() && (q.info.State == stateCloseWait || q.info.State == stateClose),
	}
	if q.socket != nil && q.length >= uint32(enough) {
		info.Sent, info.HasSent = q.sent, true
	}
	if q.last {
		info.Peer = q.peer()
	}
	return info, true
}

// first asks about c and reports whether its numbers can be relied on, now and
// later.
func first(c syscall.RawConn) (numbers, bool) {
	q := newQuery(nil, false)
	defer q.free()
	if err := c.Control(q.first); err != nil || q.protocol != unix.IPPROTO_TCP {
		return numbers{}, false
	}
	switch q.info.State {
	case stateSynSent, stateClose, stateListen:
		return numbers{}, false // not connected yet (TCP Fast Open): the numbers will start again
	}
	_, ok := q.answer()
	return q.start, ok && q.length >= uint32(enough)
}

// plain reports whether c is of plain TCP.
func plain(c syscall.RawConn) bool {
	q := newQuery(nil, false)
	defer q.free()
	err := c.Control(q.kind)
	return err == nil && q.errno == 0 && q.protocol == unix.IPPROTO_TCP
}

// getsockopt is getsockopt(2). Package unix has none that tells the length of
// the answer and does not allocate.
func getsockopt(fd uintptr, level, option int, value unsafe.Pointer, size uint32) (uint32, syscall.Errno) {
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, fd, uintptr(level), uintptr(option),
		uintptr(value), uintptr(unsafe.Pointer(&size)), 0)
	return size, errno
}
