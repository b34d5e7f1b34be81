// Package bench measures what capture adds to a call.
package bench

import (
	"context"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/netstats-go/netstats/internal/bridge"
	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/tcpinfo"
)

// owner is the least that a Record needs.
type owner struct {
	connstat.Record
	set    connstat.OpenSet
	totals connstat.Totals
}

func (*owner) Ended(tcpinfo.Info, bool) {}
func (*owner) Closed()                  {}
func (*owner) Revealed(any, any)        {}

// hooks count every socket.
var hooks = &bridge.Hooks{
	Socket: func(_ context.Context, _ bridge.Kind, network string, _, _ net.Addr) func(local, remote net.Addr, err error) *connstat.Record {
		return func(net.Addr, net.Addr, error) *connstat.Record {
			o := new(owner)
			o.Init(o, connstat.Config{Packet: network == "udp", Totals: &o.totals, Set: &o.set})
			return &o.Record
		}
	},
	Close: func(r *connstat.Record, _ bool, _ syscall.RawConn, inner func() error) error {
		return r.Close(inner, nil)
	},
}

// TestMain installs the hooks if asked to. The names of the benchmarks do not
// say which of the three builds it is, so that benchstat can compare them.
func TestMain(m *testing.M) {
	if os.Getenv("NETSTATS_BENCH_HOOKS") != "" {
		if err := bridge.Install(hooks); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

func udp(b *testing.B) net.Conn {
	b.Helper()
	s, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	c, err := net.Dial("udp", s.LocalAddr().String())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close(); s.Close() })
	return c
}

// BenchmarkReadNil is a call without a system call.
func BenchmarkReadNil(b *testing.B) {
	c := udp(b)
	for b.Loop() {
		_, _ = c.Read(nil)
	}
}

// BenchmarkWrite sends packets that nobody reads.
func BenchmarkWrite(b *testing.B) {
	c, p := udp(b), make([]byte, 64)
	for b.Loop() {
		_, _ = c.Write(p)
	}
}

// BenchmarkPingPong is 64 bytes there and back by TCP.
func BenchmarkPingPong(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go func() {
		if c, err := l.Accept(); err == nil {
			p := make([]byte, 64)
			for err == nil {
				if _, err = io.ReadFull(c, p); err == nil {
					_, err = c.Write(p)
				}
			}
		}
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	p := make([]byte, 64)
	for b.Loop() {
		_, err1 := c.Write(p)
		if _, err := io.ReadFull(c, p); err != nil || err1 != nil {
			b.Fatal(err, err1)
		}
	}
}

// BenchmarkDial opens and closes.
func BenchmarkDial(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, c) // to its end: a reset could meet the dial
			c.Close()
		}
	}()
	for b.Loop() {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
}
