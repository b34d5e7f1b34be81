package bridge

import (
	"context"
	"net"
	"syscall"

	"github.com/netstats-go/netstats/internal/connstat"
)

// Hooks are the functions that package net calls in a capture build. A nil
// field is not called. They run in the goroutine that does the work, with no
// lock held, and package net waits for them; they may use the network, which
// calls them again. They must not panic, but for Dial and Socket, where a panic
// ends the dial as one in the caller's own Control function would.
//
// Package net's copy of this type is generated from it.
type Hooks struct {
	// Dial is called when a dial begins: net.Dial and its like, the methods of
	// net.Dialer, and the resolver's dials of its servers, which happen within
	// the dial that needs the name and get what ctx Dial returned for that one.
	// address is as the caller gave it. The dial goes on with the returned ctx, which must
	// come from the given one. The returned function, unless nil, is called once
	// when the dial ends, with the connection or the error; with neither if a
	// Control function of the caller's panicked.
	Dial func(ctx context.Context, network, address string) (context.Context, func(conn net.Conn, err error))

	// Socket is called before each attempt to connect, listen or bind, with the
	// ctx of the caller. local and remote are what was asked for, nil where
	// nothing was. Nil leaves the socket alone; it then costs nothing more. Else
	// the returned function is called once, with the socket's real addresses, or
	// with the error; the record it returns, unless nil, counts the socket from
	// its first byte on. Within a dial, attempts run in parallel, and may end after
	// it. (If the caller's Control function panics, the attempt does not end.)
	//
	// Neither Dial nor Socket is called for the sockets by which the resolver finds
	// the routes to a name's addresses. They send nothing.
	Socket func(ctx context.Context, kind Kind, network string, local, remote net.Addr) func(local, remote net.Addr, err error) *connstat.Record

	// Accepted is called for each accepted connection, before the caller of
	// Accept has it. listener is the record of the listener, nil if it was left
	// alone.
	Accepted func(listener *connstat.Record, network string, local, remote net.Addr) *connstat.Record

	// Adopted is called for each socket that net.FileConn, net.FileListener and
	// net.FilePacketConn made of a file.
	Adopted func(kind Kind, network string, local, remote net.Addr) *connstat.Record

	// HalfClosed is called when one direction of the connection that r counts is
	// closed: before CloseRead does it, as a read that waits returns then, and
	// after CloseWrite did it.
	HalfClosed func(r *connstat.Record, d connstat.Direction)

	// Close is called instead of each Close of the connection that r counts, a
	// second one included, and must call inner, once, and return what it does.
	// Until then the socket is open, and conn is good. leaked says that nobody
	// called Close: package net's finalizer does. It runs on the goroutine of all
	// finalizers then, which must not run users' code nor wait.
	Close func(r *connstat.Record, leaked bool, conn syscall.RawConn, inner func() error) error
}

// Kind says what a socket is for.
type Kind uint8

// The kinds.
const (
	Connected Kind = iota // has a peer; a datagram socket as well
	Listening             // accepts connections
	Bound                 // receives datagrams from anybody
)
