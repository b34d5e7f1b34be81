//go:build !race

package tcpinfo

import (
	"net"
	"os"
	"reflect"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// A descriptor looks into package net's for what nobody else can say: whether a
// writev was ever begun, and whether a write is under way. Package net makes a
// writev of net.Buffers by an unexported method, past every wrapper.
type descriptor struct {
	fd unsafe.Pointer // package net's; nil if it looks otherwise than is known here
}

func descriptorOf(c *net.TCPConn) descriptor {
	if roomOffset == unknown {
		return descriptor{}
	}
	return descriptor{*(*unsafe.Pointer)(unsafe.Pointer(c))}
}

// writev reports whether a writev was begun: before the first one, package poll
// makes room for its arguments, which it keeps. When that is not known, one may
// have been. It is exact while writes are kept out, and after Close, as Close waits
// for the calls under way.
func (d descriptor) writev() bool {
	return d.fd == nil || atomic.LoadPointer((*unsafe.Pointer)(unsafe.Add(d.fd, roomOffset))) != nil
}

// keepWritesOut takes the lock that writes are made under, without waiting. Close
// does not wait for it, and those who do are told by Close that the connection is
// closed, as if they had come later. So the next thing to be done is Close. It
// reports false if a write is under way, or the lock is not known.
func (d descriptor) keepWritesOut() bool {
	if d.fd == nil {
		return false
	}
	bits := lockBits()
	if bits.write == 0 {
		return false
	}
	state := (*uint64)(unsafe.Add(d.fd, lockOffset))
	for {
		old := atomic.LoadUint64(state)
		if old&(bits.write|bits.closed) != 0 {
			return false
		}
		if atomic.CompareAndSwapUint64(state, old, old|bits.write) {
			return true
		}
	}
}

// roomOffset and lockOffset are where a net.TCPConn, which is a struct of just the
// pointer fd, has fd.pfd.iovecs and fd.pfd.fdmu.state.
var (
	roomOffset = offsetOf(reflect.TypeFor[net.TCPConn](), reflect.Pointer, "pfd", "iovecs")
	lockOffset = offsetOf(reflect.TypeFor[net.TCPConn](), reflect.Uint64, "pfd", "fdmu", "state")
)

// unknown is where nothing lies: package net, or os, looks otherwise.
const unknown = ^uintptr(0)

// offsetOf is where a field of fields lies in what a connection, or a file, is a
// pointer to. It is unknown if there is none of that kind.
func offsetOf(conn reflect.Type, kind reflect.Kind, path ...string) (offset uintptr) {
	for conn.Kind() == reflect.Struct && conn.NumField() == 1 {
		conn = conn.Field(0).Type
	}
	if conn.Kind() != reflect.Pointer {
		return unknown
	}
	t := conn.Elem()
	for _, name := range path {
		var at uintptr
		if t, at = findField(t, name); t == nil {
			return unknown
		}
		offset += at
	}
	if t.Kind() != kind {
		return unknown
	}
	return offset
}

// findField returns the type of a field, and where it lies; nil if there is none.
func findField(t reflect.Type, name string) (_ reflect.Type, offset uintptr) {
	if t.Kind() != reflect.Struct {
		return nil, 0
	}
	field, ok := t.FieldByName(name)
	if !ok {
		return nil, 0
	}
	for _, i := range field.Index { // of the structs that it is embedded by, then its own
		if t.Kind() != reflect.Struct {
			return nil, 0
		}
		f := t.Field(i)
		offset += f.Offset
		t = f.Type
	}
	return t, offset
}

// bits of the state of package poll's lock.
type bits struct{ write, closed uint64 }

// lockBits finds them out on a pipe, which has the same lock, once. They are zero
// if anything is not as expected.
var lockBits = sync.OnceValue(func() (found bits) {
	offset := offsetOf(reflect.TypeFor[os.File](), reflect.Uint64, "pfd", "fdmu", "state")
	if offset == unknown || lockOffset == unknown {
		return bits{}
	}
	r, w, err := os.Pipe()
	if err != nil {
		return bits{}
	}
	defer r.Close()
	defer w.Close()
	raw, err := w.SyscallConn()
	if err != nil {
		return bits{}
	}
	return findBits(w, raw, (*uint64)(unsafe.Add(*(*unsafe.Pointer)(unsafe.Pointer(w)), offset)))
})

// findBits compares the state of a lock that is free, used, held for a write, and
// closed in spite of the bit for a write.
func findBits(file *os.File, raw syscall.RawConn, state *uint64) bits {
	idle := atomic.LoadUint64(state)
	var used, held uint64
	_ = raw.Control(func(uintptr) { used = atomic.LoadUint64(state) })
	_ = raw.Write(func(uintptr) bool { held = atomic.LoadUint64(state); return true })
	write := held - used
	if idle != 0 || used == 0 || held <= used || write&(write-1) != 0 || used&write != 0 || atomic.LoadUint64(state) != idle {
		return bits{}
	}
	if !atomic.CompareAndSwapUint64(state, idle, write) || file.Close() != nil {
		return bits{}
	}
	closed := atomic.LoadUint64(state) &^ write
	if closed == 0 || closed&(closed-1) != 0 || closed == used {
		return bits{}
	}
	return bits{write, closed}
}
