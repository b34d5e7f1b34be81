//go:build !windows && !plan9

package neterr

import (
	"errors"
	"syscall"
)

var errnoTypes = map[syscall.Errno]string{
	syscall.ETIMEDOUT:     Timeout,
	syscall.ECONNREFUSED:  ConnectionRefused,
	syscall.ECONNRESET:    ConnectionReset,
	syscall.ECONNABORTED:  ConnectionReset,
	syscall.EPIPE:         BrokenPipe,
	syscall.ENETUNREACH:   NetworkUnreachable,
	syscall.EHOSTUNREACH:  HostUnreachable,
	syscall.EADDRINUSE:    AddressInUse,
	syscall.EADDRNOTAVAIL: AddressNotAvailable,
	syscall.EACCES:        AccessDenied,
	syscall.EPERM:         AccessDenied,
	syscall.EMFILE:        TooManyOpenFiles,
	syscall.ENFILE:        TooManyOpenFiles,
}

// errnoType names the system's error in err's chain.
func errnoType(err error) string {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errnoTypes[errno]
	}
	return ""
}

// The errors of the system for what its kernel tells without one.
var (
	// ErrReset is that of a connection which the peer has reset.
	ErrReset error = syscall.ECONNRESET
	// ErrTimedOut is that of a connection whose peer answers no more.
	ErrTimedOut error = syscall.ETIMEDOUT
)
