package ledger

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// serve starts a server of one connection, for which it calls handle, and returns
// the server's address. The connection is closed when the test ends.
func serve(t *testing.T, handle func(net.Conn)) (address string) {
	t.Helper()
	l := listen(t)
	var server sync.WaitGroup
	server.Go(func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		defer context.AfterFunc(t.Context(), func() { c.Close() })()
		handle(c)
	})
	t.Cleanup(func() {
		l.Close()
		server.Wait()
	})
	return l.Addr().String()
}

// flood is a handler that writes until an error.
func flood(c net.Conn) {
	for {
		if _, err := c.Write(payload); err != nil {
			return
		}
	}
}

// discard is a handler that reads until the peer closes.
func discard(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
