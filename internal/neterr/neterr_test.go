//go:build !windows && !plan9

package neterr_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/netstats-go/netstats/internal/neterr"
)

func TestErrors(t *testing.T) {
	for _, test := range []struct {
		err     error
		typ     string
		reset   bool
		timeout bool
	}{
		{nil, "", false, false},
		{errors.New("other"), "", false, false},
		{syscall.ECONNRESET, neterr.ConnectionReset, true, false},
		{syscall.ECONNABORTED, neterr.ConnectionReset, true, false},
		{&net.OpError{Op: "write", Err: os.NewSyscallError("write", syscall.EPIPE)}, neterr.BrokenPipe, true, false},
		{fmt.Errorf("dial: %w", syscall.ECONNREFUSED), neterr.ConnectionRefused, false, false},
		{syscall.ETIMEDOUT, neterr.Timeout, false, true},
		{os.ErrDeadlineExceeded, "", false, true},
		{&net.DNSError{IsTimeout: true}, "", false, true},
		{syscall.EMFILE, neterr.TooManyOpenFiles, false, false},
		{syscall.ENOENT, "", false, false},
	} {
		if got := neterr.Type(test.err); got != test.typ {
			t.Errorf("%v: type %q, want %q", test.err, got, test.typ)
		}
		if got := neterr.IsReset(test.err); got != test.reset {
			t.Errorf("%v: a reset: %v, want %v", test.err, got, test.reset)
		}
		if got := neterr.IsTimeout(test.err); got != test.timeout {
			t.Errorf("%v: a timeout: %v, want %v", test.err, got, test.timeout)
		}
	}
}
