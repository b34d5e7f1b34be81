package neterr

import "errors"

// errnoType knows no error of Plan 9, which names errors by text.
func errnoType(error) string { return "" }

// The errors of the system for what its kernel tells without one.
var (
	// ErrReset is that of a connection which the peer has reset.
	ErrReset error = errors.New("connection reset")
	// ErrTimedOut is that of a connection whose peer answers no more.
	ErrTimedOut error = errors.New("connection timed out")
)
