package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
)

func TestTranscriptDiffers(t *testing.T) {
	var a, b transcript
	for _, s := range []*transcript{&a, &b} {
		s.add("same")
	}
	if d := a.differs(&b); d != "" {
		t.Error(d)
	}
	b.add("more")
	if a.differs(&b) == "" || b.differs(&a) == "" {
		t.Error("a line more makes no difference")
	}
}

func TestDescribeTellsErrorsApart(t *testing.T) {
	refused := func(port int) error {
		return &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}, Err: errors.New("refused")}
	}
	if a, b := describe(refused(1)), describe(refused(2)); a != b {
		t.Errorf("%q is not %q: the port is another each time", a, b)
	}
	if a, b := describe(refused(1)), describe(fmt.Errorf("%w", refused(1))); a == b {
		t.Errorf("%q: one is wrapped, one is not", a)
	}
	if a, b := describe(context.DeadlineExceeded), describe(errors.New(context.DeadlineExceeded.Error())); a == b {
		t.Errorf("%q: one is a timeout, one is not", a)
	}
}
