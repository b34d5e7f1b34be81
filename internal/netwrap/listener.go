package netwrap

import (
	"net"
	"os"
	"syscall"
	"time"
)

// Listener returns inner with accept as its Accept; accept is given inner. The
// methods of package net's listeners are kept but for AcceptTCP and AcceptUnix,
// which cannot return a wrapper. Nil is returned as it is.
func Listener(inner net.Listener, accept func(net.Listener) (net.Conn, error)) net.Listener {
	switch l := inner.(type) {
	case nil:
		return nil
	case *net.TCPListener:
		return &tcpListener{l, accept}
	case *net.UnixListener:
		return &unixListener{l, accept}
	}
	return &listener{inner, accept}
}

// ListenerOf returns the listener that l wraps, if l is one of [Listener]'s.
func ListenerOf(l net.Listener) (inner net.Listener, ok bool) {
	switch l := l.(type) {
	case *tcpListener:
		return l.listener, true
	case *unixListener:
		return l.listener, true
	case *listener:
		return l.listener, true
	}
	return nil, false
}

type tcpListener struct {
	listener *net.TCPListener
	accept   func(net.Listener) (net.Conn, error)
}

func (l *tcpListener) Accept() (net.Conn, error)             { return l.accept(l.listener) }
func (l *tcpListener) Close() error                          { return l.listener.Close() }
func (l *tcpListener) Addr() net.Addr                        { return l.listener.Addr() }
func (l *tcpListener) SetDeadline(t time.Time) error         { return l.listener.SetDeadline(t) }
func (l *tcpListener) File() (*os.File, error)               { return l.listener.File() }
func (l *tcpListener) SyscallConn() (syscall.RawConn, error) { return l.listener.SyscallConn() }

type unixListener struct {
	listener *net.UnixListener
	accept   func(net.Listener) (net.Conn, error)
}

func (l *unixListener) Accept() (net.Conn, error)             { return l.accept(l.listener) }
func (l *unixListener) Close() error                          { return l.listener.Close() }
func (l *unixListener) Addr() net.Addr                        { return l.listener.Addr() }
func (l *unixListener) SetDeadline(t time.Time) error         { return l.listener.SetDeadline(t) }
func (l *unixListener) File() (*os.File, error)               { return l.listener.File() }
func (l *unixListener) SyscallConn() (syscall.RawConn, error) { return l.listener.SyscallConn() }

// A listener wraps one that is none of package net's.
type listener struct {
	listener net.Listener
	accept   func(net.Listener) (net.Conn, error)
}

func (l *listener) Accept() (net.Conn, error) { return l.accept(l.listener) }
func (l *listener) Close() error              { return l.listener.Close() }
func (l *listener) Addr() net.Addr            { return l.listener.Addr() }
