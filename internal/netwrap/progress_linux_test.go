package netwrap_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/netwrap"
	"github.com/netstats-go/netstats/internal/testnet"
)

func received(rec *testnet.Record) int64 { in, _ := rec.Flows(); return in.Bytes }
func sent(rec *testnet.Record) int64     { _, out := rec.Flows(); return out.Bytes }

// What moves slowly shows while it moves, without anybody asking the kernel.
func TestSlowCopiesShowProgress(t *testing.T) {
	for _, tt := range []struct {
		from, to string
		copy     copyFunc
	}{
		{"tcp", "tcp", io.Copy},
		{"unix", "tcp", io.Copy},
		{"tcp", "unix", io.Copy},
		{"tcp", "raw tcp", io.Copy},
		{"raw tcp", "tcp", io.Copy},
		{"tcp", "plain tcp", copyLimited},
		{"plain tcp", "tcp", readFrom},
		{"unix", "unix", io.Copy},
	} {
		t.Run(tt.from+" to "+tt.to, func(t *testing.T) {
			src, dst := legs[tt.from](t), legs[tt.to](t)
			done := make(chan error, 1)
			go func() {
				_, err := tt.copy(dst.near, src.near)
				done <- err
			}()
			for total := int64(0); total < 500; {
				n, err := src.peer.Write(payload[:100])
				if err != nil {
					t.Fatal(err)
				}
				total += int64(n)
				eventually(t, "all is counted at the source", func() bool { return src.rec == nil || received(src.rec) == total })
				eventually(t, "all is counted at the destination", func() bool { return dst.rec == nil || sent(dst.rec) == total })
			}
			testnet.Must(t, src.peer.CloseWrite())
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCopyFromPipeShowsProgress(t *testing.T) {
	for _, to := range []string{"tcp", "plain tcp"} {
		t.Run(to, func(t *testing.T) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			defer w.Close()
			dst := legs[to](t)
			done := make(chan error, 1)
			go func() {
				_, err := io.Copy(dst.near, r)
				done <- err
			}()
			for total := int64(0); total < 500; {
				n, _ := w.Write(payload[:100])
				total += int64(n)
				eventually(t, "all is counted", func() bool { return sent(dst.rec) == total })
			}
			w.Close()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// A file is counted slice by slice while it is sent.
func TestCopyFromFileShowsProgress(t *testing.T) {
	const size = 64 << 20
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name, size); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dst := legs["tcp"](t)
	done := make(chan error, 1)
	go func() {
		_, err := io.Copy(dst.near, f)
		done <- err
	}()
	if _, err := io.CopyN(io.Discard, dst.peer, size/2); err != nil {
		t.Fatal(err)
	}
	const inFlight = 8 << 20 // more than the buffers of the sockets and a slice
	eventually(t, "half of the file is counted", func() bool { return sent(dst.rec) > size/2-inFlight })
	if n := sent(dst.rec); n > size/2+inFlight {
		t.Errorf("counted %d bytes when the peer had read %d", n, size/2)
	}
	if _, err := io.CopyN(io.Discard, dst.peer, size/2); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	dst.rec.WantBytes(t, 0, size)
}

// What is taken from the source and cannot be delivered was received all the
// same, as the kernel says.
func TestSpliceCountsWhatWasTakenFromTheSource(t *testing.T) {
	src, dst := legs["tcp"](t), legs["tcp"](t)
	sent := src.feed()
	testnet.Must(t, dst.near.SetWriteDeadline(time.Now().Add(50*time.Millisecond)))
	testnet.Must(t, inner(dst.near).SetWriteBuffer(4096))
	n, err := io.Copy(dst.near, src.near)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("copied %d bytes, %v, want a deadline exceeded", n, err)
	}
	wantAllThatTheKernelSays(t, src)
	if in := received(src.rec); in <= n {
		t.Errorf("received %d bytes of which %d were delivered, so nothing is proved", in, n)
	}
	dst.rec.WantBytes(t, 0, n)
	src.near.Close()
	<-sent
}

// The peer's data is held against the kernel's number of bytes received.
func wantAllThatTheKernelSays(t *testing.T, l leg) {
	t.Helper()
	k := testnet.AskKernel(t, inner(l.near))
	const fin = 1
	got := received(l.rec) + int64(k.Unread)
	if want := int64(k.Bytes_received); got != want && got+fin != want {
		t.Errorf("received and unread are %d bytes, the kernel says %d", got, want)
	}
}

// A callback may do anything to the connections whose copy it is told of.
func TestWatcherMayCloseWhatIsCopied(t *testing.T) {
	for _, d := range []connstat.Direction{connstat.Received, connstat.Sent} {
		a, aPeer := testnet.TCPPair(t)
		b, _ := testnet.TCPPair(t)
		var src, dst net.Conn
		told := false
		watch := func(got connstat.Direction, _ int64) {
			if got != d || told {
				return
			}
			told = true
			testnet.Send(t, dst, []byte("also"))
			src.Close()
			dst.Close()
		}
		src = netwrap.Conn(a, &testnet.NewWatchedRecord(watch).Record)
		dst = netwrap.Conn(b, &testnet.NewWatchedRecord(watch).Record)
		testnet.Send(t, aPeer, []byte("hello"))
		done := make(chan error, 1)
		go func() {
			_, err := io.Copy(dst, src)
			done <- err
		}()
		select {
		case err := <-done:
			if err == nil {
				t.Error("copied between closed connections")
			}
		case <-time.After(10 * time.Second):
			t.Fatal("the copy hangs")
		}
	}
}

// A descriptor that blocks cannot be waited for by the runtime, and while it is
// full it takes no splice. One that does not block is the usual kind.
func TestCopyToPipe(t *testing.T) {
	for name, flags := range map[string]int{"blocking": 0, "nonblocking": syscall.O_NONBLOCK} {
		t.Run(name, func(t *testing.T) {
			var fds [2]int
			testnet.Must(t, syscall.Pipe2(fds[:], flags))
			r, w := os.NewFile(uintptr(fds[0]), "r"), os.NewFile(uintptr(fds[1]), "w")
			defer r.Close()
			src := legs["tcp"](t)
			sent := src.feed()
			done := make(chan error, 1)
			go func() {
				defer w.Close()
				n, err := io.Copy(w, src.near)
				if n != payloadSize {
					t.Errorf("copied %d bytes, want %d", n, payloadSize)
				}
				done <- err
			}()
			got, err := io.ReadAll(r)
			if err != nil || !bytes.Equal(got, payload) {
				t.Errorf("got %d bytes, %v, want the payload", len(got), err)
			}
			testnet.Must(t, <-done)
			testnet.Must(t, <-sent)
			src.wantReceived(t)
		})
	}
}
