// Package neterr says what errors of the network mean. It is the one place that
// knows the system's numbers.
//
// Errors may be anybody's, and their methods may panic; callers that must not
// panic have to recover.
package neterr

import "errors"

// What [Type] returns, as telemetry spells it.
const (
	Canceled            = "canceled"
	Timeout             = "timeout"
	ConnectionRefused   = "connection_refused"
	ConnectionReset     = "connection_reset"
	BrokenPipe          = "broken_pipe"
	NetworkUnreachable  = "network_unreachable"
	HostUnreachable     = "host_unreachable"
	AddressInUse        = "address_in_use"
	AddressNotAvailable = "address_not_available"
	AccessDenied        = "access_denied"
	TooManyOpenFiles    = "too_many_open_files"
)

// Type names the system's error in err's chain. It is empty if there is none, or
// if it is not one of those above.
func Type(err error) string { return errnoType(err) }

// IsReset reports whether err says that the peer reset the connection, or that
// nobody was there to take the bytes.
func IsReset(err error) bool {
	t := Type(err)
	return t == ConnectionReset || t == BrokenPipe
}

// IsTimeout reports whether err says of itself that it is a timeout, as the errors
// of package net do: a deadline's, or the kernel's.
func IsTimeout(err error) bool {
	t, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && t.Timeout()
}
