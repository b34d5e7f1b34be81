package netwrap_test

import (
	"io"
	"net"
	"runtime"
	"testing"

	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/netwrap"
	"github.com/netstats-go/netstats/internal/testnet"
)

// Whoever watches each call is told of the bytes of writev by what the kernel says,
// less what it is or will be told of. So the kernel must know of no byte of a call
// that was not announced.
func TestBytesAreAnnouncedBeforeTheyMove(t *testing.T) {
	for name, send := range map[string]func(t *testing.T, conn net.Conn) error{
		"Write": func(_ *testing.T, conn net.Conn) error {
			_, err := conn.Write(make([]byte, 64<<20))
			return err
		},
		"sendfile": func(t *testing.T, conn net.Conn) error {
			for {
				f := payloadFile(t)
				if _, err := conn.(io.ReaderFrom).ReadFrom(f); err != nil {
					f.Close()
					return err
				}
				f.Close()
			}
		},
		"splice": func(t *testing.T, conn net.Conn) error {
			src := legs["raw tcp"](t)
			go func() {
				for err := error(nil); err == nil; {
					_, err = src.peer.Write(payload[:4096]) // many splices
				}
			}()
			_, err := conn.(io.ReaderFrom).ReadFrom(src.near)
			src.near.Close()
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			client, peer := testnet.TCPPair(t)
			rec := testnet.NewWatchedRecord(func(connstat.Direction, int64) {})
			conn := netwrap.Conn(client, &rec.Record)
			const moved = 30
			if n, err := (&net.Buffers{payload[:10], payload[:20]}).WriteTo(conn); n != moved || err != nil {
				t.Fatalf("writev returned %d, %v", n, err)
			}
			rec.Sample()
			if n := rec.Unwatched(); n != moved {
				t.Errorf("%d bytes were not told of, want %d", n, moved)
			}
			sent := make(chan error, 1)
			go func() { sent <- send(t, conn) }()
			const drained = 32 << 20
			go func() { _, _ = io.CopyN(io.Discard, peer, drained) }()
			still := 0
			for last := int64(0); still < 100; { // until the peer takes no more
				rec.Sample()
				if n := rec.Unwatched(); n > moved {
					t.Errorf("%d bytes are said not to be told of, want at most %d", n, moved)
					break
				}
				_, out := rec.Flows()
				if still++; out.Bytes != last || last < drained {
					still = 0
				}
				last = out.Bytes
				runtime.Gosched()
			}
			peer.Close()
			if err := <-sent; err == nil {
				t.Error("the call did not wait, so nothing is proved")
			}
		})
	}
}
