//go:build !windows && !plan9

package otelnetstats

import (
	"errors"
	"syscall"
)

var errnoTypes = map[syscall.Errno]string{
	syscall.ETIMEDOUT:     "timeout",
	syscall.ECONNREFUSED:  "connection_refused",
	syscall.ECONNRESET:    "connection_reset",
	syscall.ECONNABORTED:  "connection_reset",
	syscall.EPIPE:         "broken_pipe",
	syscall.ENETUNREACH:   "network_unreachable",
	syscall.EHOSTUNREACH:  "host_unreachable",
	syscall.EADDRINUSE:    "address_in_use",
	syscall.EADDRNOTAVAIL: "address_not_available",
	syscall.EACCES:        "access_denied",
	syscall.EPERM:         "access_denied",
	syscall.EMFILE:        "too_many_open_files",
	syscall.ENFILE:        "too_many_open_files",
}

// errnoType is error.type of the system's error in err's chain.
func errnoType(err error) string {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errnoTypes[errno]
	}
	return ""
}
