package netwrap

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"net"
	"sync"
	"syscall"

	"github.com/netstats-go/netstats/internal/connstat"
)

// An end is one end of a copy that does not go through user space.
type end struct {
	conn syscall.Conn
	raw  syscall.RawConn  // of conn; nil if not at hand
	rec  *connstat.Record // nil if not tracked
}

func (e end) received(n int64, err error) {
	if e.rec != nil {
		e.rec.Received(n, err)
	}
}

func (e end) begin(n int64) {
	if e.rec != nil {
		e.rec.Begin(n)
	}
}

func (e end) done(announced, n int64, err error) {
	if e.rec != nil {
		e.rec.Done(announced, n, err)
	}
}

// everything is the limit of a copy without one.
const everything = math.MaxInt64

// fastReadFrom copies r to c as [net.TCPConn.ReadFrom] does where that is not
// by Read and Write. If it reports that it did not handle r, it did nothing.
// Its errors are those of the plain connection.
func fastReadFrom(c *net.TCPConn, dst end, r io.Reader) (n int64, handled bool, err error) {
	remain, src := int64(everything), r
	limited, ok := r.(*io.LimitedReader)
	if ok {
		remain, src = limited.N, limited.R
		if remain <= 0 {
			return 0, true, nil
		}
	}
	n, handled, err = spliceFrom(c, dst, src, remain)
	if !handled {
		n, handled, err = sendFile(c, dst, src, remain)
	}
	if limited != nil {
		limited.N -= n
	}
	return n, handled, err
}

// slice is how much of a file is sent before it is counted. Smaller ones show
// progress earlier; larger ones cost less.
const slice = 512 << 10

var limits = sync.Pool{New: func() any { return new(io.LimitedReader) }}

// sendFile copies a file to c slice by slice, each of them by sendfile(2).
// What cannot seek cannot be sent so either; and as pipes and terminals may
// take their time to fill a slice, they are counted write by write.
func sendFile(c *net.TCPConn, dst end, r io.Reader, remain int64) (n int64, handled bool, err error) {
	if !seekable(r) {
		return 0, false, nil
	}
	part := limits.Get().(*io.LimitedReader)
	defer func() {
		part.R = nil
		limits.Put(part)
	}()
	for remain > 0 {
		size := min(remain, slice)
		part.R, part.N = r, size
		dst.begin(size)
		moved, err := c.ReadFrom(part)
		dst.done(size, moved, notOfFile(err))
		n += moved
		remain -= moved
		if err != nil || moved < size {
			return n, true, sendFileError(r, err)
		}
	}
	return n, true, nil
}

// seekable reports whether r has a file descriptor with a position. Type
// *os.File is not the only one: package os hides methods of it while it copies.
func seekable(r io.Reader) bool {
	file, ok := r.(interface {
		syscall.Conn
		io.Seeker
	})
	if !ok {
		return false
	}
	_, err := file.Seek(0, io.SeekCurrent)
	return err == nil
}

// notOfFile returns err unless a file is to blame, not the connection.
func notOfFile(err error) error {
	if err == nil {
		return nil
	}
	if file := (*fs.PathError)(nil); errors.As(err, &file) {
		return nil
	}
	return err
}

// A failure makes a connection's ReadFrom or WriteTo return err, dressed as
// package net dresses its errors: it knows the name of the network, which
// nobody else does.
type failure struct{ err error }

func (f failure) Read([]byte) (int, error)          { return 0, f.err }
func (f failure) Write([]byte) (int, error)         { return 0, f.err }
func (f failure) WriteTo(io.Writer) (int64, error)  { return 0, f.err }
func (f failure) ReadFrom(io.Reader) (int64, error) { return 0, f.err }

func readFromError(c *net.TCPConn, err error) error {
	if err != nil {
		_, err = c.ReadFrom(failure{err})
	}
	return err
}

func writeToError(c *net.TCPConn, err error) error {
	if err != nil {
		_, err = c.WriteTo(failure{err})
	}
	return err
}
