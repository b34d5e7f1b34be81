package netwrap

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
)

// pipeSize is how much is spliced at once; the kernel's default maximum.
const pipeSize = 1 << 20

const (
	spliceNonblock = 0x2  // SPLICE_F_NONBLOCK
	setPipeSize    = 1031 // F_SETPIPE_SZ
)

// A pipe is what splice(2) needs between two descriptors. Like package poll's,
// pipes are pooled, and closed when the garbage collector empties the pool.
type pipe struct {
	ends    pipeEnds
	held    int64 // bytes in the pipe
	cleanup runtime.Cleanup

	// What a RawConn is given, made once, with its argument and results.
	in, out func(fd uintptr) bool
	size    int64
	moved   int64
	err     error
}

type pipeEnds struct{ read, write int }

var pipes sync.Pool

// getPipe returns an empty pipe, nil if there are too many.
func getPipe() *pipe {
	if p, ok := pipes.Get().(*pipe); ok {
		return p
	}
	var fds [2]int
	if syscall.Pipe2(fds[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK) != nil {
		return nil
	}
	// With a smaller pipe, which is what an error leaves, it works as well.
	_, _, _ = syscall.Syscall(syscall.SYS_FCNTL, uintptr(fds[0]), setPipeSize, pipeSize)
	p := &pipe{ends: pipeEnds{read: fds[0], write: fds[1]}}
	p.in, p.out = p.spliceIn, p.spliceOut
	p.cleanup = runtime.AddCleanup(p, pipeEnds.close, p.ends)
	return p
}

// put gives the pipe back. One that holds what could not be delivered is closed.
func (p *pipe) put() {
	if p.held == 0 {
		pipes.Put(p)
		return
	}
	p.cleanup.Stop()
	p.ends.close()
}

func (e pipeEnds) close() {
	syscall.Close(e.read)
	syscall.Close(e.write)
}

// fill moves at most size bytes from the socket into the pipe, which is empty,
// and waits for the first of them. It returns 0 at the end of the stream.
func (p *pipe) fill(socket syscall.RawConn, size int64) (int64, error) {
	p.size = size
	err := p.run(socket.Read, p.in)
	p.held += p.moved
	return p.moved, err
}

// drain empties the pipe into dst, counted write by write.
func (p *pipe) drain(dst end, planB io.Writer) (n int64, err error) {
	for p.held > 0 {
		p.size = p.held
		dst.begin(p.size)
		err := p.run(dst.raw.Write, p.out)
		moved := p.moved
		dst.done(p.size, moved, err)
		p.held -= moved
		n += moved
		if planB != nil && p.refused() {
			copied, err := io.CopyN(planB, p, p.held)
			return n + copied, err
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// refused reports whether the last splice was not possible as such: the file
// takes none, or would have to wait and cannot.
func (p *pipe) refused() bool {
	return errors.Is(p.err, syscall.EINVAL) || errors.Is(p.err, syscall.EAGAIN)
}

// Read takes bytes from the pipe, which holds some.
func (p *pipe) Read(b []byte) (int, error) {
	n, err := ignoringEINTR(func() (int, error) { return syscall.Read(p.ends.read, b) })
	if err != nil {
		return 0, os.NewSyscallError("read", err)
	}
	p.held -= int64(n)
	return n, nil
}

// run has operation call step and sorts out whose error it was. What a RawConn
// puts around an error is not what the plain connection returns, so it goes.
func (p *pipe) run(operation func(func(uintptr) bool) error, step func(uintptr) bool) error {
	p.moved, p.err = 0, nil
	err := operation(step)
	if err == nil {
		return os.NewSyscallError("splice", p.err)
	}
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		return op.Err
	}
	return err
}

func (p *pipe) spliceIn(fd uintptr) bool { return p.step(int(fd), p.ends.write) }

func (p *pipe) spliceOut(fd uintptr) bool { return p.step(p.ends.read, int(fd)) }

// step is one splice; it reports false if it has to wait.
func (p *pipe) step(from, to int) bool {
	n, err := ignoringEINTR(func() (int, error) {
		n, err := syscall.Splice(from, nil, to, nil, int(p.size), spliceNonblock)
		return int(n), err
	})
	p.moved, p.err = max(0, int64(n)), err
	return !errors.Is(err, syscall.EAGAIN)
}

func ignoringEINTR(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); !errors.Is(err, syscall.EINTR) {
			return n, err
		}
	}
}
