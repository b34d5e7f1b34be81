package verify

import (
	"crypto/tls"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

func TestTCP(t *testing.T) {
	r := record(t)
	a, b := pair(t, "tcp", "127.0.0.1:0")
	if _, ok := a.(*net.TCPConn); !ok {
		t.Errorf("a dialed connection is a %T", a)
	}
	for _, n := range []int{1, 1000, 100000} {
		if _, err := a.Write(make([]byte, n)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(b, make([]byte, n)); err != nil {
			t.Fatal(err)
		}
	}
	moved(t, r.of(a), flow{}, flow{101001, 3})
	moved(t, r.of(b), flow{101001, anyNumber}, flow{})
	if got := r.of(b); !got.accepted || r.of(a).accepted {
		t.Error("which side accepted is wrong")
	}
	r.set.Fold()
	if rx, tx := r.totals.Flows(); rx.Bytes != 101001 || tx.Bytes != 101001 {
		t.Errorf("totals: %+v %+v", rx, tx)
	}
}

func TestReadOfNothingIsNoOperation(t *testing.T) {
	r := record(t)
	a, _ := pair(t, "tcp", "127.0.0.1:0")
	u, err := net.Dial("udp", "127.0.0.1:9")
	must(t, err)
	defer u.Close()
	for _, c := range []net.Conn{a, u} {
		if n, err := c.Read(nil); n != 0 || err != nil {
			t.Fatal(n, err)
		}
		moved(t, r.of(c), flow{}, flow{})
	}
}

func TestUnixStream(t *testing.T) {
	for _, network := range []string{"unix", "unixpacket"} {
		t.Run(network, func(t *testing.T) {
			r := record(t)
			a, b := pair(t, network, filepath.Join(t.TempDir(), "s"))
			_, err1 := a.Write(make([]byte, 7))
			_, err2 := b.Read(make([]byte, 100))
			_, _, err3 := b.(*net.UnixConn).WriteMsgUnix(make([]byte, 9), nil, nil)
			_, _, _, _, err4 := a.(*net.UnixConn).ReadMsgUnix(make([]byte, 100), make([]byte, 100))
			must(t, err1, err2, err3, err4)
			moved(t, r.of(a), flow{9, 1}, flow{7, 1})
			moved(t, r.of(b), flow{7, 1}, flow{9, 1})
		})
	}
}

func TestWritev(t *testing.T) {
	r := record(t)
	a, b := pair(t, "tcp", "127.0.0.1:0")
	bufs := net.Buffers{make([]byte, 10), make([]byte, 20), make([]byte, 30)}
	if n, err := bufs.WriteTo(a); n != 60 || err != nil {
		t.Fatal(n, err)
	}
	_, err := io.ReadFull(b, make([]byte, 60))
	must(t, err)
	moved(t, r.of(a), flow{}, flow{60, 1})
}

func TestFileConn(t *testing.T) {
	a, b := pair(t, "tcp", "127.0.0.1:0")
	f, err := a.(*net.TCPConn).File()
	must(t, err)
	r := record(t)
	c, err := net.FileConn(f)
	must(t, err, f.Close())
	_, err1 := c.Write(make([]byte, 13))
	_, err2 := io.ReadFull(b, make([]byte, 13))
	_, err3 := b.Write(make([]byte, 17))
	_, err4 := io.ReadFull(c, make([]byte, 17))
	must(t, err1, err2, err3, err4)
	moved(t, r.of(c), flow{17, 1}, flow{13, 1})
	if got := r.of(c).kind; got != 0 {
		t.Errorf("kind %d, want connected", got)
	}
	must(t, c.Close())
}

func TestFilesAreNotCounted(t *testing.T) {
	r := record(t)
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	must(t, err)
	_, err = f.Write(make([]byte, 10))
	must(t, err, f.Close())
	if n := len(r.all(func(*conn) bool { return true })); n != 0 {
		t.Errorf("%d sockets", n)
	}
}

// The bytes below TLS are counted, and the record is that of the inner
// connection.
func TestTLS(t *testing.T) {
	r := record(t)
	a, b := pair(t, "tcp", "127.0.0.1:0")
	cert := certificate(t)
	client := tls.Client(a, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // a test's own
	server := tls.Server(b, &tls.Config{Certificates: []tls.Certificate{cert}})
	done := make(chan error, 1)
	go func() {
		_, err := io.Copy(server, server)
		done <- err
	}()
	_, err := client.Write(make([]byte, 100000))
	must(t, err)
	_, err = io.ReadFull(client, make([]byte, 100000))
	must(t, err, client.CloseWrite(), <-done, server.CloseWrite())
	_, err = io.Copy(io.Discard, client)
	must(t, err)
	aRx, aTx := r.of(client.NetConn()).Flows()
	bRx, bTx := r.of(server.NetConn()).Flows()
	if aRx.Bytes != bTx.Bytes || bRx.Bytes != aTx.Bytes || aTx.Bytes < 100000 {
		t.Errorf("%+v %+v, other side %+v %+v", aRx, aTx, bRx, bTx)
	}
}

// Whatever a Write blocked in the kernel moved before Close is counted once it
// returned.
func TestLateCountIsNotLost(t *testing.T) {
	r := record(t)
	a, _ := pair(t, "tcp", "127.0.0.1:0")
	done := make(chan int, 1)
	go func() {
		n, _ := a.Write(make([]byte, 256<<20))
		done <- n
	}()
	time.Sleep(5 * time.Millisecond) // the Write is to block; if it does not yet, the test is weaker
	must(t, a.Close())
	n := <-done
	moved(t, r.of(a), flow{}, flow{int64(n), anyNumber})
}

func TestCountingConcurrentSafe(t *testing.T) {
	r := record(t)
	a, b := pair(t, "tcp", "127.0.0.1:0")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				if _, err := a.Write(make([]byte, 10)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	_, err := io.ReadFull(b, make([]byte, 8000))
	must(t, err)
	wg.Wait()
	moved(t, r.of(a), flow{}, flow{8000, 800})
	moved(t, r.of(b), flow{8000, anyNumber}, flow{})
}
