//go:build !windows && !plan9

package connstat

import (
	"errors"
	"syscall"
)

// isReset reports whether err says that the peer reset the connection or that
// nobody was there to take the bytes.
func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNABORTED)
}
