package ledger

import (
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"syscall"
	"time"
)

// A caller is a goroutine that makes calls on an endpoint. It is a reader or a
// writer.
type caller struct {
	*endpoint
	worker *worker
	random *rand.Rand
}

// size is how many bytes a call is to move: few for most calls, and sometimes
// none.
func (c *caller) size() int64 { return c.random.Int64N(1 << (1 + c.random.IntN(16))) }

// isLast reports whether the error of a call says that its direction has ended. It
// clears a deadline that has passed.
func (c *caller) isLast(call string, err error) bool {
	switch {
	case err == nil, errors.Is(err, errInjected):
		return false
	case errors.Is(err, os.ErrDeadlineExceeded):
		_ = c.conn.SetDeadline(time.Time{}) // fails once closed
		return false
	case isReset(err), errors.Is(err, net.ErrClosed) && c.closeBegan.Load():
		return true
	}
	c.errorf("%s: %v", call, err)
	return true
}

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// errInjected is what the test's own readers and writers fail with.
var errInjected = errors.New("made to fail")

// A failing reader or writer moves nothing.
type failing struct{}

func (failing) Read([]byte) (int, error)  { return 0, errInjected }
func (failing) Write([]byte) (int, error) { return 0, errInjected }
