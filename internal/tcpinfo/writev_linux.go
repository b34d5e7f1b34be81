//go:build !race

package tcpinfo

import (
	"net"
	"reflect"
	"sync/atomic"
	"unsafe"
)

// vectors tell whether a writev was ever begun on a connection. Nobody else can
// say: package net makes one of net.Buffers by an unexported method. But before
// the first one, package poll makes room for its arguments, which it keeps.
type vectors struct {
	room *unsafe.Pointer // where package poll keeps it; nil if that is not known
}

func vectorsOf(c *net.TCPConn) vectors {
	if roomOffset == 0 {
		return vectors{}
	}
	fd := *(*unsafe.Pointer)(unsafe.Pointer(c))
	return vectors{(*unsafe.Pointer)(unsafe.Add(fd, roomOffset))}
}

// used reports whether a writev was begun. When that is not known, it may have
// been. After Close it is exact, as Close waits for the calls under way.
func (v vectors) used() bool { return v.room == nil || atomic.LoadPointer(v.room) != nil }

// roomOffset is where the room lies in package net's descriptor: fd.pfd.iovecs of
// a net.TCPConn, which is a struct of just the pointer fd. It is zero where
// package net looks otherwise.
var roomOffset = findRoom(reflect.TypeFor[net.TCPConn]())

func findRoom(conn reflect.Type) uintptr {
	for conn.Kind() == reflect.Struct && conn.NumField() == 1 {
		conn = conn.Field(0).Type
	}
	if conn.Kind() != reflect.Pointer {
		return 0
	}
	pfd, offset := findField(conn.Elem(), "pfd")
	if pfd == nil {
		return 0
	}
	room, within := findField(pfd, "iovecs")
	if room == nil || room.Kind() != reflect.Pointer {
		return 0
	}
	return offset + within
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
