package verify

import (
	"errors"
	"io"
	"net"
	"runtime"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/netstats-go/netstats/internal/connstat"
)

func rawOf(t *testing.T, c any) syscall.RawConn {
	t.Helper()
	raw, err := c.(syscall.Conn).SyscallConn()
	must(t, err)
	return raw
}

// readRaw reads once as grpc does, with the poller's help.
func readRaw(raw syscall.RawConn, p []byte) (n int, err error) {
	waited := raw.Read(func(fd uintptr) bool {
		n, err = syscall.Read(int(fd), p)
		return !errors.Is(err, syscall.EAGAIN)
	})
	return n, errors.Join(err, waited)
}

func TestRawStream(t *testing.T) {
	r := record(t)
	a, b := pair(t, "tcp", "127.0.0.1:0")
	sent := make(chan error, 1)
	go func() {
		time.Sleep(time.Millisecond) // the reader is to wait at least once; if it does not, the test is weaker
		_, err := b.Write(make([]byte, 100))
		sent <- err
	}()
	n, err := readRaw(rawOf(t, a), make([]byte, 1000))
	must(t, err, <-sent)
	if n != 100 {
		t.Fatal(n)
	}
	moved(t, r.of(a), flow{100, 1}, flow{})
	must(t, rawOf(t, a).Write(func(fd uintptr) bool {
		_, err1 := syscall.Write(int(fd), make([]byte, 50))
		_, err2 := other(int(fd), make([]byte, 7))
		must(t, err1, err2)
		return true
	}))
	moved(t, r.of(a), flow{100, 1}, flow{57, 2})
	_, err = io.ReadFull(b, make([]byte, 57))
	must(t, err, b.Close())
	if n, err := readRaw(rawOf(t, a), make([]byte, 10)); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	must(t, a.Close())
	moved(t, r.of(a), flow{100, 1}, flow{57, 2})
	wantReason(t, r.of(a), "remote")
}

// other sends by another system call than write, where those are seen.
func other(fd int, p []byte) (int, error) {
	if runtime.GOARCH == "386" {
		return syscall.Write(fd, p)
	}
	return syscall.SendmsgN(fd, p, nil, nil, 0)
}

// The other direction than a callback's is not seen, nor is what Control does:
// the README says so.
func TestRawNotSeen(t *testing.T) {
	r := record(t)
	a, b := pair(t, "tcp", "127.0.0.1:0")
	write := func(fd uintptr) bool {
		_, err := syscall.Write(int(fd), make([]byte, 5))
		must(t, err)
		return true
	}
	must(t, rawOf(t, a).Read(write), rawOf(t, a).Control(func(fd uintptr) { write(fd) }))
	_, err := io.ReadFull(b, make([]byte, 10))
	must(t, err)
	_, err = b.Write(make([]byte, 3))
	must(t, err)
	must(t, rawOf(t, a).Write(func(fd uintptr) bool {
		for { // it may be on its way
			switch n, err := syscall.Read(int(fd), make([]byte, 10)); {
			case errors.Is(err, syscall.EAGAIN):
				runtime.Gosched()
			default:
				if n != 3 || err != nil {
					t.Error(n, err)
				}
				return true
			}
		}
	}))
	moved(t, r.of(a), flow{}, flow{})
	moved(t, r.of(b), flow{10, anyNumber}, flow{3, 1})
}

// What is only looked at is not received.
func TestRawPeek(t *testing.T) {
	r := record(t)
	a, b := pair(t, "tcp", "127.0.0.1:0")
	_, err := b.Write(make([]byte, 5))
	must(t, err)
	must(t, rawOf(t, a).Read(func(fd uintptr) bool {
		_, _, err := syscall.Recvfrom(int(fd), make([]byte, 10), syscall.MSG_PEEK)
		return !errors.Is(err, syscall.EAGAIN)
	}))
	moved(t, r.of(a), flow{}, flow{})
	_, err = io.ReadFull(a, make([]byte, 5))
	must(t, err)
	moved(t, r.of(a), flow{5, 1}, flow{})
}

// Many packets in one system call, as quic sends and receives them.
func TestRawMany(t *testing.T) {
	r := record(t)
	s, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	defer s.Close()
	c, err := net.DialUDP("udp4", nil, s.LocalAddr().(*net.UDPAddr))
	must(t, err)
	defer c.Close()
	const sendmmsg, recvmmsg = 307, 299 // of amd64
	if runtime.GOARCH != "amd64" {
		t.Skip("the numbers of the system calls are those of amd64")
	}
	many := func(raw syscall.RawConn, trap uintptr, transmit bool, sizes ...int) {
		t.Helper()
		messages := make([]message, len(sizes))
		for i, n := range sizes {
			iov := &syscall.Iovec{Base: &make([]byte, 1000)[0]}
			iov.SetLen(n)
			messages[i].header.Iov, messages[i].header.Iovlen = iov, 1
		}
		do := raw.Read
		if transmit {
			do = raw.Write
		}
		var errno syscall.Errno
		must(t, do(func(fd uintptr) bool {
			_, _, errno = syscall.Syscall6(trap, fd, uintptr(unsafe.Pointer(&messages[0])), uintptr(len(messages)), 0, 0, 0)
			return errno != syscall.EAGAIN
		}))
		if errno != 0 {
			t.Fatal(errno)
		}
	}
	many(rawOf(t, c), sendmmsg, true, 10, 0, 300)
	moved(t, r.of(c), flow{}, flow{310, 3})
	many(rawOf(t, s), recvmmsg, false, 500, 500, 500)
	moved(t, r.of(s), flow{310, 3}, flow{})
}

// A message is the kernel's struct mmsghdr.
type message struct {
	header syscall.Msghdr
	length uint32
}

// Watchers of raw calls may use the connection: no lock is held.
func TestRawWatcherMayUseTheConnection(t *testing.T) {
	r := record(t)
	var a, b net.Conn
	told := 0
	r.watch = func(c *conn, d connstat.Direction, _ int64) {
		if d != connstat.Received || c.accepted || told > 0 {
			return
		}
		told++
		_, err1 := b.Write(make([]byte, 3))
		_, err2 := io.ReadFull(a, make([]byte, 3))
		must(t, err1, err2)
	}
	a, b = pair(t, "tcp", "127.0.0.1:0")
	_, err := b.Write(make([]byte, 5))
	must(t, err)
	_, err = readRaw(rawOf(t, a), make([]byte, 5))
	must(t, err)
	if told != 1 {
		t.Errorf("told %d times", told)
	}
	moved(t, r.of(a), flow{8, anyNumber}, flow{})
}

func TestRawConcurrentSafe(t *testing.T) {
	r := record(t)
	done := make(chan struct{})
	for range 4 {
		a, b := pair(t, "tcp", "127.0.0.1:0")
		go func() {
			defer func() { done <- struct{}{} }()
			for range 200 {
				if _, err := b.Write(make([]byte, 10)); err != nil {
					t.Error(err)
				}
				if n, err := readRaw(rawOf(t, a), make([]byte, 10)); n != 10 || err != nil {
					t.Error(n, err)
				}
			}
			moved(t, r.of(a), flow{2000, 200}, flow{})
			moved(t, r.of(b), flow{}, flow{2000, 200})
		}()
	}
	for range 4 {
		<-done
	}
}
