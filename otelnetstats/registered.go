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

// registrations knows the tracked connection of each connection that Register
// was given, so that registering it again gives the same one. It keeps neither
// alive. Dialed and accepted connections are not in it until NetConn of their
// wrapper gives them to the program: nobody else has them.
var registrations struct {
	mu    sync.Mutex // guards known; held while a record is made, not while callbacks run
	known map[identity]registration
	peak  int          // the most that known had since it was made
	count atomic.Int64 // of known, so that programs that register nothing pay nothing
}

// An identity is a pointer to a connection of whatever type. It does not keep
// the connection alive, nor does it equal that of a later one at its address.
type identity struct {
	pointer weak.Pointer[byte]
	typ     reflect.Type // what it points at
}

// A registration leads from a connection to its record and its wrapper.
type registration struct {
	conn    *Conn
	wrapper identity
}

// tracked returns the wrapper, nil if it is gone.
func (r registration) tracked() any {
	p := r.wrapper.pointer.Value()
	if p == nil {
		return nil
	}
	return reflect.NewAt(r.wrapper.typ, unsafe.Pointer(p)).Interface() //nolint:gosec // typ is the type that the pointer was taken from
}

// identify returns the identity of a connection, if it is a pointer.
func identify(conn any) (identity, bool) {
	v := reflect.ValueOf(conn)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Type().Elem().Size() == 0 {
		return identity{}, false
	}
	return identity{weak.Make((*byte)(v.UnsafePointer())), v.Type().Elem()}, true
}

// registrationOf returns the registration of conn, if there is one.
func registrationOf(conn any) (registration, bool) {
	if registrations.count.Load() == 0 {
		return registration{}, false
	}
	id, ok := identify(conn)
	if !ok {
		return registration{}, false
	}
	registrations.mu.Lock()
	defer registrations.mu.Unlock()
	r, ok := registrations.known[id]
	return r, ok
}

// registeredConn returns the record of a connection that Register was given.
func registeredConn(conn any) (*Conn, bool) {
	r, ok := registrationOf(conn)
	return r.conn, ok
}

// register has conn tracked: open makes its record, wrap its wrapper. It reports
// whether conn was not tracked before.
func register[T Endpoint](conn T, open func() *Conn, wrap func(*Conn) T) (tracked T, c *Conn, first bool) {
	c = open() // not under the lock: it calls conn's methods, and a sampler
	id, ok := identify(conn)
	if !ok {
		return wrap(c), c, true
	}
	registrations.mu.Lock()
	defer registrations.mu.Unlock()
	if tracked, ok := registrations.known[id].tracked().(T); ok {
		c.rec.Discard() // somebody else was faster; a span that does not end is not exported
		return tracked, nil, false
	}
	tracked = wrap(c)
	keep(id, c, tracked)
	return tracked, c, true
}

// alias has conn known as a connection that c counts, and that wrapper stands for:
// conn itself, if it is counted below it.
func alias(conn any, c *Conn, wrapper any) {
	id, ok := identify(conn)
	if !ok {
		return
	}
	registrations.mu.Lock()
	defer registrations.mu.Unlock()
	keep(id, c, wrapper)
}

// keep notes a registration until its wrapper is gone. The caller holds the lock.
func keep(id identity, c *Conn, wrapper any) {
	r := registration{conn: c}
	r.wrapper, _ = identify(wrapper)
	if registrations.known == nil {
		registrations.known = make(map[identity]registration)
	}
	registrations.known[id] = r
	registrations.peak = max(registrations.peak, len(registrations.known))
	registrations.count.Store(int64(len(registrations.known)))
	runtime.AddCleanup(r.wrapper.pointer.Value(), forget, forgotten{id, c})
}

// forgotten is a registration whose wrapper is gone.
type forgotten struct {
	id   identity
	conn *Conn
}

// forget drops a registration. The connection that was registered may live on;
// nothing counts it any more.
func forget(f forgotten) {
	registrations.mu.Lock()
	defer registrations.mu.Unlock()
	if registrations.known[f.id].conn == f.conn {
		delete(registrations.known, f.id)
		registrations.count.Store(int64(len(registrations.known)))
		shrinkRegistrations()
	}
}

// minShrink is the size below which a map is left as it is.
const minShrink = 1024

// shrinkRegistrations moves what is left of many registrations to a smaller map,
// as a map keeps the room that it once needed. The caller holds the lock.
func shrinkRegistrations() {
	left := len(registrations.known)
	if registrations.peak < minShrink || left > registrations.peak/4 {
		return
	}
	smaller := make(map[identity]registration, left)
	maps.Copy(smaller, registrations.known)
	registrations.known, registrations.peak = smaller, left
}

// trackedBefore returns the tracked connection of conn, if it has one: conn
// itself if the record is found below it.
func trackedBefore[T Endpoint](conn T) (T, bool) {
	if r, ok := registrationOf(conn); ok {
		if tracked, ok := r.tracked().(T); ok {
			return tracked, true
		}
	}
	return conn, find(conn) != nil
}
