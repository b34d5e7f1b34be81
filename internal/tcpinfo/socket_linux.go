package tcpinfo

import (
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The states of a connection that matter here, as tcpi_state has them.
const (
	stateSynSent  = 2
	stateFinWait1 = 4
	stateClose    = 7
	stateLastAck  = 9
	stateListen   = 10
	stateClosing  = 11
)

// enough is the length of an answer that has all that Sent is made of. The
// kernel cuts the struct where its own ends (bytes_sent came with Linux 4.19).
const enough = unsafe.Offsetof(unix.TCPInfo{}.Bytes_retrans) + 8

// A query is room for one answer. Queries are pooled and not on the stack
// because RawConn.Control wants a func, which would be made for each question.
type query struct {
	control func(fd uintptr)

	info   unix.TCPInfo
	length uint32
	errno  syscall.Errno

	hold func(fd uintptr)
	held int // a duplicate, or -1

	first    func(fd uintptr)
	protocol int32
}

var queries = sync.Pool{New: func() any {
	q := new(query)
	q.control, q.hold, q.first = q.get, q.duplicate, q.getFirst
	return q
}}

func (q *query) get(fd uintptr) {
	q.length, q.errno = getsockopt(fd, unix.IPPROTO_TCP, unix.TCP_INFO, unsafe.Pointer(&q.info), uint32(unsafe.Sizeof(q.info)))
}

// getFirst asks for the protocol, too, which never changes.
func (q *query) getFirst(fd uintptr) {
	q.protocol = 0
	if _, q.errno = getsockopt(fd, unix.SOL_SOCKET, unix.SO_PROTOCOL, unsafe.Pointer(&q.protocol), 4); q.errno == 0 {
		q.get(fd)
	}
}

func (q *query) duplicate(fd uintptr) {
	var err error
	if q.held, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0); err != nil {
		q.held = -1
	}
}

// sent is the number of bytes accepted from the program, from one reading.
//
// bytes_sent and bytes_retrans count data without SYN and FIN; notsent_bytes is
// a distance of sequence numbers, so that a FIN that is queued and not sent is
// one of them.
func (q *query) sent(halfClosed bool) int64 {
	sent := int64(q.info.Bytes_sent) - int64(q.info.Bytes_retrans) + int64(q.info.Notsent_bytes)
	if q.info.Notsent_bytes > 0 && q.finQueued(halfClosed) {
		sent--
	}
	return sent
}

// finQueued reports whether one of the unsent bytes may be a FIN. The kernel reads
// the state before it locks the socket: the numbers may be those after a
// shutdown, while the state is still the one before. And after a reset the state
// no longer tells.
func (q *query) finQueued(halfClosed bool) bool {
	switch q.info.State {
	case stateFinWait1, stateLastAck, stateClosing:
		return true
	}
	return halfClosed
}

// ask reads the numbers of c. fins is not zero if this side may have closed its
// direction: when in doubt one byte too few is better than one too many, as a
// later answer can only be larger. It is read after the numbers, so that a FIN
// in them is known of.
func ask(c syscall.RawConn, fins *atomic.Int32) (Info, bool) {
	q := queries.Get().(*query)
	defer queries.Put(q)
	if err := c.Control(q.control); err != nil {
		return Info{}, false
	}
	return q.answer(fins.Load() > 0)
}

// hold returns a duplicate of the descriptor of c.
func hold(c syscall.RawConn) (fd int, ok bool) {
	q := queries.Get().(*query)
	defer queries.Put(q)
	q.held = -1
	err := c.Control(q.hold)
	return q.held, err == nil && q.held >= 0
}

// release asks about a duplicate, and closes it.
func release(fd int, fins *atomic.Int32) (Info, bool) {
	q := queries.Get().(*query)
	defer queries.Put(q)
	q.get(uintptr(fd))
	unix.Close(fd)
	return q.answer(fins.Load() > 0)
}

// answer makes an Info of what the kernel wrote.
func (q *query) answer(halfClosed bool) (Info, bool) {
	if q.errno != 0 || q.length < uint32(unsafe.Offsetof(q.info.Pacing_rate)) {
		return Info{}, false
	}
	info := Info{
		RTT:         time.Duration(q.info.Rtt) * time.Microsecond,
		Retransmits: int64(q.info.Total_retrans),
	}
	if q.length >= uint32(enough) {
		info.Sent, info.HasSent = q.sent(halfClosed), true
	}
	return info, true
}

// first asks about c and reports whether its numbers can be relied on, now and
// later.
func first(c syscall.RawConn) (Info, bool) {
	q := queries.Get().(*query)
	defer queries.Put(q)
	if err := c.Control(q.first); err != nil || q.protocol != unix.IPPROTO_TCP {
		return Info{}, false
	}
	switch q.info.State {
	case stateSynSent, stateClose, stateListen:
		return Info{}, false // not connected yet (TCP Fast Open): the numbers will start again
	}
	info, ok := q.answer(false)
	return info, ok && info.HasSent
}

// getsockopt is getsockopt(2). Package unix has none that tells the length of
// the answer and does not allocate.
func getsockopt(fd uintptr, level, option int, value unsafe.Pointer, size uint32) (uint32, syscall.Errno) {
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, fd, uintptr(level), uintptr(option),
		uintptr(value), uintptr(unsafe.Pointer(&size)), 0)
	return size, errno
}
