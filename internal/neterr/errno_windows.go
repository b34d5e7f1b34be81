package neterr

import (
	"errors"
	"syscall"
)

// Winsock's numbers; package syscall names only some of them.
var errnoTypes = map[syscall.Errno]string{
	10004: Canceled,            // WSAEINTR
	10013: AccessDenied,        // WSAEACCES
	10024: TooManyOpenFiles,    // WSAEMFILE
	10048: AddressInUse,        // WSAEADDRINUSE
	10049: AddressNotAvailable, // WSAEADDRNOTAVAIL
	10051: NetworkUnreachable,  // WSAENETUNREACH
	10053: ConnectionReset,     // WSAECONNABORTED
	10054: ConnectionReset,     // WSAECONNRESET
	10060: Timeout,             // WSAETIMEDOUT
	10061: ConnectionRefused,   // WSAECONNREFUSED
	10065: HostUnreachable,     // WSAEHOSTUNREACH
}

// errnoType names the system's error in err's chain.
func errnoType(err error) string {
	errno, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		return ""
	}
	if errno == syscall.EPIPE {
		return BrokenPipe
	}
	return errnoTypes[errno]
}

// The errors of the system for what its kernel tells without one.
var (
	// ErrReset is that of a connection which the peer has reset.
	ErrReset error = syscall.WSAECONNRESET
	// ErrTimedOut is that of a connection whose peer answers no more.
	ErrTimedOut error = syscall.Errno(10060)
)
