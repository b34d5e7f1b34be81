package netwrap_test

import (
	"errors"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/netwrap"
	"github.com/netstats-go/netstats/internal/testnet"
)

// Package testnet's pairs are closed at the end of the test, so something holds
// them. The tests here need connections that nothing holds.

// open returns a connection that only the caller holds, wrapped, and its peer.
func open(t *testing.T, network string, wrap func(net.Conn) net.Conn) (conn, peer net.Conn) {
	t.Helper()
	inner, peer, err := dialed(network)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { peer.Close() })
	return wrap(inner), peer
}

type kind struct {
	name, network string
	wrap          func(net.Conn, *connstat.Record) net.Conn
}

var kinds = []kind{
	{"tcp", "tcp", netwrap.Conn},
	{"plain tcp", "tcp", func(c net.Conn, rec *connstat.Record) net.Conn {
		connstat.EndWith(rec, c.(*net.TCPConn))
		return netwrap.PlainTCP(c.(*net.TCPConn), rec)
	}},
	{"unix", "unix", netwrap.Conn},
	{"foreign", "tcp", func(c net.Conn, rec *connstat.Record) net.Conn {
		return netwrap.Conn(foreign{c.(*net.TCPConn)}, rec)
	}},
}

func TestDroppedConnectionsAreLeaked(t *testing.T) {
	for _, kind := range append(kinds, kind{"dialed tcp", "tcp", netwrap.Dialed}, kind{"accepted tcp", "tcp", netwrap.Accepted}) {
		t.Run(kind.name, func(t *testing.T) {
			rec := testnet.NewRecord()
			_, peer := open(t, kind.network, func(c net.Conn) net.Conn { return kind.wrap(c, &rec.Record) })
			collect(t, rec)
			if got := rec.Wait(t); got != connstat.Leaked {
				t.Errorf("ended with reason %d, want %d", got, connstat.Leaked)
			}
			// The descriptor is freed, too, as without a wrapper.
			testnet.Must(t, peer.SetReadDeadline(time.Now().Add(10*time.Second)))
			if n, err := peer.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
				t.Errorf("the peer read %d, %v, want EOF", n, err)
			}
		})
	}
}

func TestDroppedPacketConnectionsAreLeaked(t *testing.T) {
	for name, wrap := range map[string]func(*net.UDPConn, *connstat.Record) any{
		"udp":     func(c *net.UDPConn, rec *connstat.Record) any { return netwrap.PacketConn(c, rec) },
		"foreign": func(c *net.UDPConn, rec *connstat.Record) any { return netwrap.PacketConn(foreignPacket{c}, rec) },
		"packets": func(c *net.UDPConn, rec *connstat.Record) any {
			return netwrap.PacketConn(struct{ net.PacketConn }{c}, rec)
		},
	} {
		t.Run(name, func(t *testing.T) {
			rec := testnet.NewPacketRecord()
			c, err := net.ListenUDP("udp", nil)
			if err != nil {
				t.Fatal(err)
			}
			wrap(c, &rec.Record)
			collect(t, rec)
			if got := rec.Wait(t); got != connstat.Leaked {
				t.Errorf("ended with reason %d, want %d", got, connstat.Leaked)
			}
		})
	}
}

// collect collects garbage until rec has ended.
func collect(t *testing.T, rec *testnet.Record) {
	t.Helper()
	eventually(t, "the garbage collector finds the connection", func() bool {
		runtime.GC()
		return rec.Endings() > 0
	})
}

// collectAll collects garbage until what is garbage now has been found.
func collectAll(t *testing.T) {
	t.Helper()
	for range 2 {
		rec := testnet.NewRecord()
		open(t, "tcp", func(c net.Conn) net.Conn { return netwrap.Conn(c, &rec.Record) })
		collect(t, rec)
	}
}

func TestClosedConnectionsAreNotLeaked(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			rec := testnet.NewRecord()
			conn, _ := open(t, kind.network, func(c net.Conn) net.Conn { return kind.wrap(c, &rec.Record) })
			conn.Close()
			conn.Close()
			collectAll(t)
			if got := rec.Wait(t); got != connstat.Local || rec.Endings() != 0 {
				t.Errorf("ended with reason %d and %d times more, want %d, 0", got, rec.Endings(), connstat.Local)
			}
		})
	}
}

// A call that waits keeps its connection, even if nothing else holds it.
func TestBlockedConnectionsAreNotLeaked(t *testing.T) {
	client, _ := testnet.TCPPair(t)
	other := netwrap.Conn(client, &testnet.NewRecord().Record)
	for _, kind := range kinds {
		for name, block := range map[string]func(net.Conn) error{
			"Read":    func(c net.Conn) error { _, err := c.Read(make([]byte, 1)); return err },
			"WriteTo": func(c net.Conn) error { _, err := io.Copy(io.Discard, c); return err },
			"splice":  func(c net.Conn) error { _, err := io.Copy(other, c); return err },
			"splice by the destination": func(c net.Conn) error {
				_, err := other.(io.ReaderFrom).ReadFrom(c)
				return err
			},
			"limited splice": func(c net.Conn) error {
				_, err := io.Copy(other, io.LimitReader(c, 1000))
				return err
			},
			"writev": func(c net.Conn) error {
				for {
					if _, err := (&net.Buffers{payload, payload}).WriteTo(c); err != nil {
						return err
					}
				}
			},
			"Write": func(c net.Conn) error {
				for {
					if _, err := c.Write(payload); err != nil {
						return err
					}
				}
			},
		} {
			t.Run(kind.name+"/"+name, func(t *testing.T) {
				rec := testnet.NewRecord()
				returned := make(chan error, 1)
				peer := func() net.Conn {
					conn, peer := open(t, kind.network, func(c net.Conn) net.Conn { return kind.wrap(c, &rec.Record) })
					go func() { returned <- block(conn) }()
					return peer
				}()
				collectAll(t)
				if n := rec.Endings(); n != 0 {
					t.Fatalf("the connection ended with reason %d", rec.Wait(t))
				}
				peer.Close()
				<-returned
				collect(t, rec)
				if got := rec.Wait(t); got != connstat.Leaked {
					t.Errorf("ended with reason %d, want %d", got, connstat.Leaked)
				}
			})
		}
	}
}

// A copy that waits keeps its destination as well.
func TestBlockedDestinationsAreNotLeaked(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			from, feeder := testnet.TCPPair(t)
			src := netwrap.Conn(from, &testnet.NewRecord().Record)
			go func() {
				for err := error(nil); err == nil; {
					_, err = feeder.Write(payload)
				}
			}()
			rec := testnet.NewRecord()
			returned := make(chan error, 1)
			peer := func() net.Conn {
				conn, peer := open(t, kind.network, func(c net.Conn) net.Conn { return kind.wrap(c, &rec.Record) })
				go func() {
					_, err := io.Copy(conn, src)
					returned <- err
				}()
				return peer
			}()
			testnet.Receive(t, peer, make([]byte, 1)) // it has begun
			collectAll(t)
			if n := rec.Endings(); n != 0 {
				t.Fatalf("the connection ended with reason %d", rec.Wait(t))
			}
			peer.Close()
			<-returned
			feeder.Close()
			collect(t, rec)
			if got := rec.Wait(t); got != connstat.Leaked {
				t.Errorf("ended with reason %d, want %d", got, connstat.Leaked)
			}
		})
	}
}

// A slowCloser closes its direction when it is allowed to.
type slowCloser struct {
	net.Conn
	begun, allowed chan struct{}
}

func (c *slowCloser) CloseWrite() error {
	close(c.begun)
	<-c.allowed
	return nil
}

// CloseWrite of other people's connections may wait as well: for a flush, say.
func TestBlockedHalfClosesAreNotLeaked(t *testing.T) {
	rec := testnet.NewRecord()
	returned := make(chan error, 1)
	begun, allowed := make(chan struct{}), make(chan struct{})
	func() {
		conn, _ := open(t, "", func(c net.Conn) net.Conn {
			return netwrap.Conn(&slowCloser{c, begun, allowed}, &rec.Record)
		})
		go func() { returned <- conn.(interface{ CloseWrite() error }).CloseWrite() }()
	}()
	<-begun
	collectAll(t)
	if n := rec.Endings(); n != 0 {
		t.Fatalf("the connection ended with reason %d", rec.Wait(t))
	}
	close(allowed)
	testnet.Must(t, <-returned)
	collect(t, rec)
	if got := rec.Wait(t); got != connstat.Leaked {
		t.Errorf("ended with reason %d, want %d", got, connstat.Leaked)
	}
}

// Who holds only the inner connection holds a connection.
func TestInnerConnectionKeepsTheRecordOpen(t *testing.T) {
	rec := testnet.NewRecord()
	inner := func() net.Conn {
		conn, _ := open(t, "tcp", func(c net.Conn) net.Conn { return netwrap.Conn(c, &rec.Record) })
		return conn.(interface{ NetConn() net.Conn }).NetConn()
	}()
	collectAll(t)
	if n := rec.Endings(); n != 0 {
		t.Errorf("the connection ended with reason %d", rec.Wait(t))
	}
	if err := inner.Close(); err != nil {
		t.Error(err)
	}
}

// Code of the program's, which may run when a connection ends, never runs on
// the goroutine that all cleanups of the program share.
func TestLeaksAreToldInAGoroutineOfTheirOwn(t *testing.T) {
	rec, later := testnet.NewRecord(), testnet.NewRecord()
	stuck := make(chan struct{})
	rec.AtEnd = func() { <-stuck }
	open(t, "tcp", func(c net.Conn) net.Conn { return netwrap.Conn(c, &rec.Record) })
	eventually(t, "the garbage collector finds the connection", func() bool {
		runtime.GC()
		return rec.Record.Ended()
	})
	found := make(chan struct{})
	runtime.AddCleanup(new(*int), func(c chan struct{}) { close(c) }, found)
	eventually(t, "other cleanups run", func() bool {
		runtime.GC()
		select {
		case <-found:
			return true
		default:
			return false
		}
	})
	open(t, "tcp", func(c net.Conn) net.Conn { return netwrap.Conn(c, &later.Record) })
	close(stuck)
	collect(t, rec)
	collect(t, later)
}
