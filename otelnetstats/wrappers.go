package otelnetstats

import (
	"maps"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"
	"weak"
)

// wrappers knows the wrapper of each connection that somebody else than the
// wrapper has, so that to register it again gives the same one: of those that
// Register was given, and of those that NetConn of their wrapper gave out. It
// keeps neither alive. Other dialed and accepted connections are not in it:
// nobody else has them.
var wrappers struct {
	mu    sync.Mutex // guards known; held while a record is made, not while callbacks run
	known map[identity]wrapping
	peak  int          // the most that known had since it was made
	count atomic.Int64 // of known, so that programs that register nothing pay nothing
}

// An identity is a pointer to a connection of whatever type. It does not keep
// the connection alive, nor does it equal that of a later one at its address.
type identity struct {
	pointer weak.Pointer[byte]
	typ     reflect.Type // what it points at
}

// identify returns the identity of a connection, if it is a pointer.
func identify(conn any) (identity, bool) {
	v := reflect.ValueOf(conn)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Type().Elem().Size() == 0 {
		return identity{}, false
	}
	return identity{weak.Make((*byte)(v.UnsafePointer())), v.Type().Elem()}, true
}

// A wrapping leads from a connection to its record and its wrapper.
type wrapping struct {
	conn *Conn
	by   identity
}

// wrapper returns the wrapper, nil if it is gone.
func (w wrapping) wrapper() any {
	p := w.by.pointer.Value()
	if p == nil {
		return nil
	}
	return reflect.NewAt(w.by.typ, unsafe.Pointer(p)).Interface() //nolint:gosec // typ is the type that the pointer was taken from
}

// wrapperOf returns how conn is wrapped, if it is known.
func wrapperOf(conn any) (wrapping, bool) {
	if wrappers.count.Load() == 0 {
		return wrapping{}, false
	}
	id, ok := identify(conn)
	if !ok {
		return wrapping{}, false
	}
	wrappers.mu.Lock()
	defer wrappers.mu.Unlock()
	w, ok := wrappers.known[id]
	return w, ok
}

// wrapped returns the record of a connection whose wrapper is known.
func wrapped(conn any) *Conn {
	w, _ := wrapperOf(conn)
	return w.conn
}

// wrapOnce has conn tracked, unless it is: open makes its record, wrap its
// wrapper. It reports whether conn was not tracked before.
func wrapOnce[T Endpoint](conn T, open func() *Conn, wrap func(*Conn) T) (tracked T, c *Conn, first bool) {
	c = open() // not under the lock: it calls conn's methods, and a sampler
	id, ok := identify(conn)
	if !ok {
		return wrap(c), c, true
	}
	wrappers.mu.Lock()
	defer wrappers.mu.Unlock()
	if tracked, ok := wrappers.known[id].wrapper().(T); ok {
		c.rec.Discard() // somebody else was faster; a span that does not end is not exported
		return tracked, nil, false
	}
	tracked = wrap(c)
	remember(id, c, tracked)
	return tracked, c, true
}

// alias has conn known as a connection that c counts, and that wrapper stands for:
// conn itself, if it is counted below it.
func alias(conn any, c *Conn, wrapper any) {
	id, ok := identify(conn)
	if !ok {
		return
	}
	wrappers.mu.Lock()
	defer wrappers.mu.Unlock()
	remember(id, c, wrapper)
}

// remember notes a wrapper until it is gone. The caller holds the lock.
func remember(id identity, c *Conn, wrapper any) {
	w := wrapping{conn: c}
	w.by, _ = identify(wrapper)
	if wrappers.known == nil {
		wrappers.known = make(map[identity]wrapping)
	}
	wrappers.known[id] = w
	wrappers.peak = max(wrappers.peak, len(wrappers.known))
	wrappers.count.Store(int64(len(wrappers.known)))
	runtime.AddCleanup(w.by.pointer.Value(), forget, forgotten{id, c})
}

// forgotten is what is known of a connection whose wrapper is gone.
type forgotten struct {
	id   identity
	conn *Conn
}

// forget drops a wrapper that is gone. Its connection may live on; nothing counts
// it any more.
func forget(f forgotten) {
	wrappers.mu.Lock()
	defer wrappers.mu.Unlock()
	if wrappers.known[f.id].conn == f.conn {
		delete(wrappers.known, f.id)
		wrappers.count.Store(int64(len(wrappers.known)))
		shrinkWrappers()
	}
}

// minShrink is the size below which a map is left as it is.
const minShrink = 1024

// shrinkWrappers moves what is left of many wrappers to a smaller map, as a map
// keeps the room that it once needed. The caller holds the lock.
func shrinkWrappers() {
	left := len(wrappers.known)
	if wrappers.peak < minShrink || left > wrappers.peak/4 {
		return
	}
	smaller := make(map[identity]wrapping, left)
	maps.Copy(smaller, wrappers.known)
	wrappers.known, wrappers.peak = smaller, left
}
