package netwrap

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"reflect"
	"runtime"
	"syscall"
)

// Package net splices connections until the end of the stream, in one call that
// tells its count at the end only, and that tells nothing of the bytes that
// were taken from the source and could not be delivered. So this package does
// it itself, where package net and package os would.

// spliceFrom copies from the connection r to c, if r is one to splice from.
func spliceFrom(c *net.TCPConn, dst end, r io.Reader, remain int64) (n int64, handled bool, err error) {
	src, ok := source(r)
	if !ok {
		return 0, false, nil
	}
	n, handled, err = splice(dst, src, remain, nil)
	return n, handled, readFromError(c, err)
}

// source returns the end that r is: what the plain connection would splice
// from, tracked or not.
func source(r io.Reader) (src end, ok bool) {
	switch r := r.(type) {
	case *tcpConn:
		return r.end(), true
	case *plainTCPConn:
		return r.end(), true
	case *unixConn:
		return end{conn: r.conn, rec: r.rec}, isStream(r.conn)
	case *net.TCPConn:
		return end{conn: r}, true
	case *net.UnixConn:
		return end{conn: r}, isStream(r)
	}
	return hidden(r, "net", "tcpConnWithoutWriteTo")
}

// hidden returns the end that v is, if v is of the unexported type that a
// package of the standard library uses to hide a method while it copies.
func hidden(v any, pkg, name string) (e end, ok bool) {
	t := reflect.TypeOf(v)
	if t == nil || t.Name() != name || t.PkgPath() != pkg {
		return end{}, false
	}
	conn, ok := v.(syscall.Conn)
	return end{conn: conn}, ok
}

func isStream(c *net.UnixConn) bool {
	addr := c.LocalAddr()
	return addr != nil && addr.Network() == "unix"
}

// fastWriteTo copies the connection c to w as [net.TCPConn.WriteTo] does where
// that is not by Read and Write. If it reports that it did not handle w, it did
// nothing. Its errors are those of the plain connection, which depend on who
// would have called whom.
func fastWriteTo(w io.Writer, c *net.TCPConn, src end) (n int64, handled bool, err error) {
	switch w := w.(type) {
	case *tcpConn:
		return spliceToTCP(w.end(), w.TCPConn, c, src)
	case *plainTCPConn:
		return spliceToTCP(w.end(), w.conn, c, src)
	case *net.TCPConn:
		return spliceToTCP(end{conn: w}, w, c, src)
	case *unixConn:
		return spliceToUnix(end{conn: w.conn, rec: w.rec}, w.conn, c, src)
	case *net.UnixConn:
		return spliceToUnix(end{conn: w}, w, c, src)
	case *os.File:
		n, handled, err = spliceToFile(end{conn: w}, w, src)
		return n, handled, writeToError(c, err)
	}
	if dst, ok := hidden(w, "os", "fileWithoutReadFrom"); ok {
		return spliceToFile(dst, w.(file), src)
	}
	if dst, ok := hidden(w, "net", "tcpConnWithoutReadFrom"); ok {
		return splice(dst, src, everything, nil)
	}
	return 0, false, nil
}

func spliceToTCP(dst end, w, c *net.TCPConn, src end) (int64, bool, error) {
	n, handled, err := splice(dst, src, everything, nil)
	return n, handled, writeToError(c, readFromError(w, err))
}

func spliceToUnix(dst end, w *net.UnixConn, c *net.TCPConn, src end) (int64, bool, error) {
	if !isStream(w) {
		return 0, false, nil
	}
	n, handled, err := splice(dst, src, everything, nil)
	return n, handled, writeToError(c, err)
}

type file interface {
	io.Writer
	Name() string
}

func spliceToFile(dst end, w file, src end) (int64, bool, error) {
	n, handled, err := splice(dst, src, everything, w)
	return n, handled, fileError(w, err)
}

// fileError dresses err as package os does.
func fileError(w file, err error) error {
	switch {
	case err == nil:
		return nil
	case isPathError(err):
		return err // of w.Write
	case err.Error() == "use of closed file": // package poll's, which has no name here
		err = fs.ErrClosed
	}
	return &fs.PathError{Op: "write", Path: w.Name(), Err: err}
}

// sendFileError returns the error of a connection's ReadFrom as package os would
// have returned it, if it was os.File.WriteTo that read: with the plain
// connection, that does what the connection's ReadFrom does here.
func sendFileError(r io.Reader, err error) error {
	op, ok := err.(*net.OpError) //nolint:errorlint // what ReadFrom returns, not what it may wrap
	if !ok {
		return err
	}
	if _, ok := hidden(r, "os", "fileWithoutWriteTo"); !ok {
		return err
	}
	switch op.Err.(type) { //nolint:errorlint // as above
	case *net.OpError, *fs.PathError:
		return err // of Write and Read: sendfile had not been possible
	}
	return &fs.PathError{Op: "read", Path: r.(interface{ Name() string }).Name(), Err: op.Err}
}

func isPathError(err error) bool {
	_, ok := err.(*fs.PathError) //nolint:errorlint // what os.File returns, not what it may wrap
	return ok
}

// splice moves up to remain bytes from src to dst through a pipe and counts
// them on both ends as they move. Where dst takes no splice (a file opened to
// append), what the pipe holds goes to plan B, by Write, and so does the rest;
// plan B may be nil. If splice reports that it did not handle the copy, it did
// nothing.
func splice(dst, src end, remain int64, planB io.Writer) (n int64, handled bool, err error) {
	if !dst.open() || !src.open() {
		return 0, false, nil
	}
	p := getPipe()
	if p == nil {
		return 0, false, nil
	}
	defer p.put()
	// A RawConn keeps the descriptor alive; a connection that nobody holds but
	// this call is not leaked, though.
	defer runtime.KeepAlive(src.conn)
	defer runtime.KeepAlive(dst.conn)
	for remain > 0 {
		filled, err := p.fill(src.raw, min(remain, pipeSize))
		if errors.Is(err, syscall.EINVAL) && !handled {
			return 0, false, nil // no socket to splice from, and nothing is lost
		}
		handled = true
		if err != nil || filled == 0 {
			src.received(0, orEOF(err))
			return n, true, err
		}
		src.received(filled, nil)
		drained, err := p.drain(dst, planB)
		n += drained
		remain -= drained
		if err != nil {
			return n, true, err
		}
	}
	return n, true, nil
}

// open makes sure that e.raw is set.
func (e *end) open() bool {
	if e.raw == nil {
		e.raw, _ = e.conn.SyscallConn()
	}
	return e.raw != nil
}

func orEOF(err error) error {
	if err == nil {
		return io.EOF
	}
	return err
}
