package otelnetstats

import (
	"errors"
	"syscall"
)

// Winsock's numbers; package syscall names only some of them.
var errnoTypes = map[syscall.Errno]string{
	10004: "canceled",              // WSAEINTR
	10013: "access_denied",         // WSAEACCES
	10024: "too_many_open_files",   // WSAEMFILE
	10048: "address_in_use",        // WSAEADDRINUSE
	10049: "address_not_available", // WSAEADDRNOTAVAIL
	10051: "network_unreachable",   // WSAENETUNREACH
	10053: "connection_reset",      // WSAECONNABORTED
	10054: "connection_reset",      // WSAECONNRESET
	10060: "timeout",               // WSAETIMEDOUT
	10061: "connection_refused",    // WSAECONNREFUSED
	10065: "host_unreachable",      // WSAEHOSTUNREACH
}

// errnoType is error.type of the system's error in err's chain.
func errnoType(err error) string {
	errno, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		return ""
	}
	if errno == syscall.EPIPE {
		return "broken_pipe"
	}
	return errnoTypes[errno]
}
