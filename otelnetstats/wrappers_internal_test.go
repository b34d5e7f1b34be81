package otelnetstats

import (
	"net"
	"runtime"
	"testing"
	"time"
)

// A fakeConn stands for a connection in the tests here, or for its wrapper.
type fakeConn struct {
	net.Conn
	_ int
}

// droppedIdentity is that of a wrapper that is gone.
func droppedIdentity() identity {
	id, _ := identify(new(fakeConn))
	for id.pointer.Value() != nil {
		runtime.GC()
	}
	return id
}

// TestAWrapperThatIsGoneIsNone: until it is forgotten, it leads to no connection.
func TestAWrapperThatIsGoneIsNone(t *testing.T) {
	if got := (wrapping{by: droppedIdentity()}).wrapper(); got != nil {
		t.Errorf("got %#v, want nil", got)
	}
}

// TestForgettingLeavesTheNext: when a wrapper is found to be gone, its connection may
// have got another one, which stays.
func TestForgettingLeavesTheNext(t *testing.T) {
	inner, tracked := new(fakeConn), new(fakeConn)
	first, second := new(Conn), new(Conn)
	alias(inner, second, tracked)
	id, _ := identify(inner)
	forget(forgotten{id, first})
	if w, ok := wrapperOf(inner); !ok || w.conn != second {
		t.Error("the second wrapper is forgotten with the first")
	}
	forget(forgotten{id, second})
	if _, ok := wrapperOf(inner); ok {
		t.Error("a wrapper is not forgotten")
	}
	runtime.KeepAlive(tracked)
}

// TestTheRoomOfWrappersIsGivenBack when most of very many are gone.
func TestTheRoomOfWrappersIsGivenBack(t *testing.T) {
	const many = 4 * minShrink
	inner := make([]*fakeConn, many)
	for i := range inner {
		inner[i] = new(fakeConn)
		alias(inner[i], new(Conn), new(fakeConn))
	}
	peak := func() int {
		wrappers.mu.Lock()
		defer wrappers.mu.Unlock()
		return wrappers.peak
	}
	for deadline := time.Now().Add(20 * time.Second); peak() >= many/2; runtime.GC() {
		if time.Now().After(deadline) {
			t.Fatalf("there is room for %d wrappers, of which %d are left", peak(), wrappers.count.Load())
		}
	}
	runtime.KeepAlive(inner)
}
