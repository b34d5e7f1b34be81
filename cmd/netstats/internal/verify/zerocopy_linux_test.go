package verify

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
)

const much = 8 << 20

type closeWriter interface{ CloseWrite() error }

// send writes n bytes to c and ends that direction.
func send(t *testing.T, c net.Conn, n int) {
	if _, err := c.Write(make([]byte, n)); err != nil {
		t.Error(err)
	}
	if err := c.(closeWriter).CloseWrite(); err != nil {
		t.Error(err)
	}
}

func TestSplice(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run("tcp to "+network, func(t *testing.T) {
			r := record(t)
			address := "127.0.0.1:0"
			if network == "unix" {
				address = filepath.Join(t.TempDir(), "s")
			}
			a, b := pair(t, "tcp", "127.0.0.1:0")
			c, d := pair(t, network, address)
			go send(t, a, much)
			go func() {
				if _, err := io.Copy(c, b); err != nil {
					t.Error(err)
				}
				_ = c.(closeWriter).CloseWrite()
			}()
			if n, err := io.Copy(io.Discard, d); n != much || err != nil {
				t.Fatal(n, err)
			}
			moved(t, r.of(a), flow{}, flow{much, anyNumber})
			moved(t, r.of(b), flow{much, anyNumber}, flow{})
			moved(t, r.of(c), flow{}, flow{much, anyNumber})
			moved(t, r.of(d), flow{much, anyNumber}, flow{})
			if _, tx := r.of(c).Flows(); tx.Operations > much/(16<<10) {
				t.Errorf("%d operations: that was no splice", tx.Operations)
			}
		})
	}
}

// A spliced connection that ends is known to have ended by its peer.
func TestSpliceSeesTheEnd(t *testing.T) {
	r := record(t)
	a, b := pair(t, "tcp", "127.0.0.1:0")
	c, _ := pair(t, "tcp", "127.0.0.1:0")
	send(t, a, 10)
	_, err := io.Copy(c, b)
	must(t, err, b.Close())
	wantReason(t, r.of(b), "remote")
}

func TestSendfile(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			r := record(t)
			address := "127.0.0.1:0"
			if network == "unix" {
				address = filepath.Join(t.TempDir(), "s")
			}
			f := fileOf(t, much)
			a, b := pair(t, network, address)
			go func() {
				if _, err := io.Copy(a, f); err != nil {
					t.Error(err)
				}
				_ = a.(closeWriter).CloseWrite()
			}()
			g, err := os.Create(filepath.Join(t.TempDir(), "out"))
			must(t, err)
			if n, err := io.Copy(g, b); n != much || err != nil { // splices from TCP
				t.Fatal(n, err)
			}
			must(t, g.Close())
			moved(t, r.of(a), flow{}, flow{much, anyNumber})
			moved(t, r.of(b), flow{much, anyNumber}, flow{})
			if _, tx := r.of(a).Flows(); tx.Operations > much/(16<<10) {
				t.Errorf("%d operations: that was no sendfile", tx.Operations)
			}
		})
	}
}

// What is under way is seen: half of a file is sent to a peer that then stops
// reading, and is counted though sendfile has not returned.
func TestSendfileCountsMeanwhile(t *testing.T) {
	r := record(t)
	a, b := pair(t, "tcp", "127.0.0.1:0")
	done := make(chan error, 1)
	go func() {
		_, err := io.Copy(a, fileOf(t, 64<<20))
		done <- err
	}()
	const half = 32 << 20
	_, err := io.ReadFull(b, make([]byte, half))
	must(t, err)
	if _, tx := r.of(a).Flows(); tx.Bytes < half {
		t.Errorf("%d bytes counted, the peer has %d", tx.Bytes, half)
	}
	_, err = io.CopyN(io.Discard, b, 64<<20-half)
	must(t, err, <-done)
	moved(t, r.of(a), flow{}, flow{64 << 20, anyNumber})
}

func fileOf(t *testing.T, n int) *os.File {
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, make([]byte, n), 0o600); err != nil {
		t.Error(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Error(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}
