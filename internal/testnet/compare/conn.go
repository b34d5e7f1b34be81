package compare

import (
	"errors"
	"io"
	"net"
	"testing"
)

// A FreeConn costs nothing to read and write, so that what is left is the cost
// of what is on top of it.
type FreeConn struct{ net.Conn }

// Read reads nothing, as much as there is room for.
func (*FreeConn) Read(p []byte) (int, error) { return len(p), nil }

// Write writes to nowhere.
func (*FreeConn) Write(p []byte) (int, error) { return len(p), nil }

// Close does nothing.
func (*FreeConn) Close() error { return nil }

// LocalAddr is an address of TCP.
func (*FreeConn) LocalAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// RemoteAddr is another.
func (*FreeConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2} }

// Serve listens on loopback until the benchmark ends, and has handle serve each
// connection, which is closed when it returns.
func Serve(b *testing.B, handle func(c *net.TCPConn)) net.Addr {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				go func() {
					defer c.Close()
					handle(c.(*net.TCPConn))
				}()
			}
		}
	}()
	return l.Addr()
}

// Discard reads all there is, by Read.
func Discard(c *net.TCPConn) { _, _ = io.Copy(io.Discard, struct{ io.Reader }{c}) }

// Acknowledge returns a handler that answers every so many bytes with one, so
// that nothing is left in buffers for others to wait for.
func Acknowledge(every int64) func(c *net.TCPConn) {
	return func(c *net.TCPConn) {
		for {
			if _, err := io.CopyN(io.Discard, struct{ io.Reader }{c}, every); err != nil {
				return
			}
			if _, err := c.Write([]byte{0}); err != nil {
				return
			}
		}
	}
}

// Echo sends back what it reads, as soon as it can, for 64 bytes at a time.
func Echo(c *net.TCPConn) {
	buf := make([]byte, 64)
	for {
		if _, err := io.ReadFull(c, buf); err != nil {
			return
		}
		if _, err := c.Write(buf); err != nil {
			return
		}
	}
}
