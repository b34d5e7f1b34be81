package otelnetstats

import (
	"crypto/tls"
	"runtime"
	"sync"
	"syscall"
	"weak"
)

// strangers are the connections of pools that cannot be tracked: each a *tls.Conn
// that a user's own DialTLSContext returned. Nobody tells when one is closed, so
// they are looked at when metrics are collected. It keeps none of them alive, and is
// safe for concurrent use.
type strangers struct {
	mu    sync.Mutex
	known map[weak.Pointer[tls.Conn]]*pooled
}

// add has a connection known.
func (s *strangers) add(conn *tls.Conn, p *pooled) {
	p.series.pool.open.Add(1)
	w := weak.Make(conn)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil {
		s.known = make(map[weak.Pointer[tls.Conn]]*pooled)
	}
	s.known[w] = p
	runtime.AddCleanup(conn, s.forget, w)
}

// find returns what a connection is to its pool, nil if it is not known.
func (s *strangers) find(conn any) *pooled {
	c, ok := conn.(*tls.Conn)
	if !ok {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[weak.Make(c)]
}

// forget drops a connection that is closed, or that nobody has any more.
func (s *strangers) forget(w weak.Pointer[tls.Conn]) {
	s.mu.Lock()
	p := s.known[w]
	delete(s.known, w)
	s.mu.Unlock()
	if p != nil {
		p.leave()
	}
}

// look drops those that are closed.
func (s *strangers) look() {
	var closed []weak.Pointer[tls.Conn]
	s.mu.Lock()
	for w := range s.known {
		if c := w.Value(); c != nil && isClosed(c) {
			closed = append(closed, w)
		}
	}
	s.mu.Unlock()
	for _, w := range closed {
		s.forget(w)
	}
}

// isClosed reports whether a connection is closed, as far as its descriptor tells.
func isClosed(c *tls.Conn) bool {
	defer func() { _ = recover() }() // it may be on anybody's connection
	s, ok := c.NetConn().(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return true
	}
	return raw.Control(func(uintptr) {}) != nil
}
