package netwrap

import (
	"net"

	"github.com/netstats-go/netstats/internal/connstat"
)

// PlainTCP wraps c as on an operating system that does not tell how many bytes
// it accepted.
func PlainTCP(c *net.TCPConn, rec *connstat.Record) net.Conn { return &plainTCPConn{c, rec} }
