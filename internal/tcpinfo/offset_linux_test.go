//go:build !race

package tcpinfo

import (
	"net"
	"reflect"
	"testing"
	"unsafe"
)

// The types here are laid out as package net's are.
type (
	conn struct{ FD *NetFD }
	file struct{ *NetFD }

	NetFD struct {
		_   int64
		pfd pollFD
	}
	pollFD struct {
		mu lock
		_  int32
		embedded
	}
	lock     struct{ State uint64 }
	embedded struct {
		_    int64
		room *int
	}
)

// TestFieldsThatAreNotThere, or are something else, are not looked at.
func TestFieldsThatAreNotThere(t *testing.T) {
	pfd := unsafe.Offsetof(NetFD{}.pfd)
	for _, test := range []struct {
		name string
		of   reflect.Type
		kind reflect.Kind
		path []string
		want uintptr
	}{
		{"lock", reflect.TypeFor[conn](), reflect.Uint64, []string{"pfd", "mu", "State"}, pfd + unsafe.Offsetof(pollFD{}.mu)},
		{"of an embedded struct", reflect.TypeFor[conn](), reflect.Pointer, []string{"pfd", "room"}, pfd + unsafe.Offsetof(pollFD{}.embedded) + unsafe.Offsetof(embedded{}.room)},
		{"within a struct", reflect.TypeFor[struct{ conn }](), reflect.Uint64, []string{"pfd", "mu", "State"}, pfd},
		{"of an embedded pointer", reflect.TypeFor[file](), reflect.Uint64, []string{"pfd", "mu", "State"}, pfd},
		{"of another kind", reflect.TypeFor[conn](), reflect.Uint32, []string{"pfd", "mu", "State"}, unknown},
		{"of another name", reflect.TypeFor[conn](), reflect.Uint64, []string{"pfd", "mu", "bits"}, unknown},
		{"of no struct", reflect.TypeFor[conn](), reflect.Uint64, []string{"pfd", "mu", "State", "bits"}, unknown},
		{"past a pointer", reflect.TypeFor[conn](), reflect.Int, []string{"pfd", "room", "n"}, unknown},
		{"of what is no pointer", reflect.TypeFor[pollFD](), reflect.Uint64, []string{"mu", "State"}, unknown},
		{"of an interface", reflect.TypeFor[net.Conn](), reflect.Uint64, []string{"pfd"}, unknown},
	} {
		if got := offsetOf(test.of, test.kind, test.path...); got != test.want {
			t.Errorf("%s: at %d, want %d", test.name, got, test.want)
		}
	}
}
