package bridge

import (
	"errors"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"github.com/netstats-go/netstats/internal/connstat"
)

// The reasons why [Install] does nothing.
var (
	// ErrStock says that the program was built by the go command alone.
	ErrStock = errors.New("this program is not a capture build: build it with `go tool netstats build` (or run, test, install) in place of `go build`")
	// ErrMismatch says that tool and library are of different versions.
	ErrMismatch = errors.New("this capture build was made by a netstats command that does not fit the version of github.com/netstats-go/netstats in the program: build it again with the command of that version, `go tool netstats build`")
	// ErrInstalled says that there are hooks already.
	ErrInstalled = errors.New("the connections of this process are being captured already")
)

// Check returns nil in a program whose package net works with this library,
// and [ErrStock] or [ErrMismatch] in others.
func Check() error { return check() }

var check = sync.OnceValue(func() error {
	switch {
	case abi == 0:
		return ErrStock
	case abi != ABI() || !sameMemory():
		return ErrMismatch
	}
	return nil
})

// Generator names the Go release and the netstats version that package net was
// made from, with a hash of the sources; it is empty in an ordinary build.
func Generator() string {
	name, _ := cutMarker(generator)
	return name
}

// mu is held to change the slot, never to read it.
var (
	mu        sync.Mutex
	installed *Hooks // what Install was given
)

// Install has package net call h from now on. It fails with the error of
// [Check], or with [ErrInstalled] if other hooks are in.
func Install(h *Hooks) error {
	if err := Check(); err != nil {
		return err
	}
	mu.Lock()
	defer mu.Unlock()
	if now := (*Hooks)(atomic.LoadPointer(&slot)); now != nil && now.begins() {
		return ErrInstalled
	}
	installed = h
	atomic.StorePointer(&slot, unsafe.Pointer(h.translated()))
	return nil
}

// Remove ends what [Install] began; it does nothing if h is not in. The
// functions of h that end a connection stay: records live on until their
// connections are closed, whoever installs hooks next. Functions that h
// returned earlier are still called.
func Remove(h *Hooks) {
	mu.Lock()
	defer mu.Unlock()
	if installed == h && h != nil {
		installed = nil
		atomic.StorePointer(&slot, unsafe.Pointer(&Hooks{HalfClosed: h.HalfClosed, Close: h.Close}))
	}
}

// begins reports whether h is told of new connections.
func (h *Hooks) begins() bool {
	return h.Dial != nil || h.Socket != nil || h.Accepted != nil || h.Adopted != nil
}

// RecordOf returns the record that counts conn, a connection of package net or
// one that passes on its SyscallConn. It is nil if there is none, as always in
// an ordinary build. It does not look through NetConn methods.
func RecordOf(conn any) *connstat.Record {
	if recordOf == nil {
		return nil
	}
	r, known := recordOf(conn)
	if !known {
		r, _ = recordOf(rawConn(conn))
	}
	return (*connstat.Record)(r)
}

// rawConn asks conn for its RawConn; nil if it has none. Its method may be
// anybody's, and panics if it is that of an embedded nil.
func rawConn(conn any) (raw syscall.RawConn) {
	s, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	defer func() {
		if recover() != nil {
			raw = nil
		}
	}()
	raw, err := s.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// AtExit has f called when the program ends by a return from main, by os.Exit
// or by log.Fatal, with any status; not on a panic or a signal. It replaces
// what was set before. In an ordinary build f is never called. The end of the
// program waits for f; f must not panic, nor call os.Exit.
func AtExit(f func()) {
	atomic.StorePointer(&atExit, unsafe.Pointer(&f))
}
