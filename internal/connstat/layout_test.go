package connstat

import (
	"testing"
	"unsafe"
)

func TestDirectionsLieOnCacheLinesOfTheirOwn(t *testing.T) {
	var r Record
	for name, offset := range map[string]uintptr{
		"received": unsafe.Offsetof(r.received),
		"sent":     unsafe.Offsetof(r.sent),
	} {
		if unsafe.Sizeof(uintptr(0)) == 8 && offset%64 != 0 {
			t.Errorf("%s is at offset %d, want a multiple of 64", name, offset)
		}
	}
}
