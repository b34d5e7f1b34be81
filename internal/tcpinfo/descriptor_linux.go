//go:build !race

package tcpinfo

import (
	"net"
	"os"
	"reflect"
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

// descriptorIn is that of one of package net's own, which is a struct of just the
// pointer, too.
func descriptorIn(c syscall.RawConn) descriptor {
	v := reflect.ValueOf(c)
	fd := fdIn(reflect.TypeFor[net.TCPConn]())
	if v.Kind() != reflect.Pointer || v.IsNil() || fd == nil || fdIn(v.Type().Elem()) != fd {
		return descriptor{}
	}
	return descriptor{*(*unsafe.Pointer)(v.UnsafePointer())}
}

// reading reports whether a read is under way, or that is not known.
func (d descriptor) reading() bool {
	if d.fd == nil || lockOffset == unknown {
		return true
	}
	read := lockBits().read
	return read == 0 || atomic.LoadUint64((*uint64)(unsafe.Add(d.fd, lockOffset)))&read != 0
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
	fd := fdIn(conn)
	if fd == nil {
		return unknown
	}
	t := fd.Elem()
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

// fdIn is the type of the pointer that a connection, or a file, is; nil if it is none.
func fdIn(conn reflect.Type) reflect.Type {
	for conn.Kind() == reflect.Struct && conn.NumField() == 1 {
		conn = conn.Field(0).Type
	}
	if conn.Kind() != reflect.Pointer {
		return nil
	}
	return conn
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
type bits struct{ read, write, closed uint64 }

var foundBits atomic.Pointer[bits]

// lockBits are found out on a pipe, which has the same lock. They are zero if
// anything is not as expected.
func lockBits() bits {
	if found := foundBits.Load(); found != nil {
		return *found
	}
	var found bits
	if offset := offsetOf(reflect.TypeFor[os.File](), reflect.Uint64, "pfd", "fdmu", "state"); offset != unknown && lockOffset != unknown {
		r, w, err := os.Pipe()
		if err != nil {
			return bits{} // next time there may be a descriptor left
		}
		defer r.Close()
		defer w.Close()
		found = findBits(lockedFile{r, offset}, lockedFile{w, offset})
	}
	foundBits.Store(&found)
	return found
}

// A lockedFile is a file whose lock lies there.
type lockedFile struct {
	*os.File

	lockOffset uintptr
}

func (f lockedFile) state() *uint64 {
	return (*uint64)(unsafe.Add(*(*unsafe.Pointer)(unsafe.Pointer(f.File)), f.lockOffset))
}

// findBits compares the state of locks that are free, used, held for a read or a
// write, and closed in spite of the bit for a write.
func findBits(r, w lockedFile) bits {
	read := r.heldBit(syscall.RawConn.Read)
	write := w.heldBit(syscall.RawConn.Write)
	if read == 0 || write == 0 || read == write {
		return bits{}
	}
	state := w.state()
	if !atomic.CompareAndSwapUint64(state, 0, write) || w.Close() != nil {
		return bits{}
	}
	closed := atomic.LoadUint64(state) &^ write
	if closed == 0 || closed&(closed-1) != 0 || closed == read {
		return bits{}
	}
	return bits{read, write, closed}
}

// heldBit is the bit that is set while hold holds the lock; 0 if it is not one.
func (f lockedFile) heldBit(hold func(raw syscall.RawConn, f func(uintptr) bool) error) uint64 {
	raw, err := f.SyscallConn()
	if err != nil {
		return 0
	}
	state := f.state()
	idle := atomic.LoadUint64(state)
	var used, held uint64
	_ = raw.Control(func(uintptr) { used = atomic.LoadUint64(state) })
	_ = hold(raw, func(uintptr) bool { held = atomic.LoadUint64(state); return true })
	bit := held - used
	if idle != 0 || used == 0 || held <= used || bit&(bit-1) != 0 || used&bit != 0 || atomic.LoadUint64(state) != idle {
		return 0
	}
	return bit
}
