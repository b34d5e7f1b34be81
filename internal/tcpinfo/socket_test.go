package tcpinfo_test

import (
	"testing"
	"unsafe"

	"github.com/netstats-go/netstats/internal/tcpinfo"
)

func TestZeroSocketKnowsNothing(t *testing.T) {
	var s tcpinfo.Socket
	if info, ok := s.Info(); ok {
		t.Errorf("got %+v, want nothing", info)
	}
	if _, ok := s.Hold(); ok {
		t.Error("a zero socket can be held")
	}
}

// Each tracked connection has one.
func TestSocketIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(tcpinfo.Socket{}); size > 48 {
		t.Errorf("a Socket takes %d bytes, want at most 48", size)
	}
}
