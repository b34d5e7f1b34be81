package netwrap

import "syscall"

// guarded is a RawConn without the methods that package net's has beyond the
// interface. Package os asserts them to copy to and from the descriptor, past
// the wrapper and its counts.
type guarded struct{ syscall.RawConn }

func guard(c syscall.Conn) (syscall.RawConn, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	return guarded{raw}, nil
}
