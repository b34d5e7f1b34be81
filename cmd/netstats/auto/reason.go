package auto

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
)

// maxReason bounds the length of a reason.
const maxReason = 80

// reasonOf says why a dial failed, without what differs from dial to dial.
func reasonOf(err error) string { return cut(cause(err), maxReason) }

func cause(err error) string {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		if dns.IsTimeout {
			return "timeout of the name lookup"
		}
		return dns.Err
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno.Error()
	}
	if t, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err); errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) || ok && t.Timeout() {
		return "timeout"
	}
	if errors.Is(err, context.Canceled) {
		return "canceled"
	}
	text := err.Error()
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Err != nil {
		text = op.Err.Error()
	}
	return text
}
