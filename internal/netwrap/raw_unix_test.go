//go:build unix

package netwrap_test

import (
	"net"
	"reflect"
	"syscall"
	"testing"

	"github.com/netstats-go/netstats/internal/netwrap"
	"github.com/netstats-go/netstats/internal/testnet"
)

// rawConns returns what SyscallConn of each kind of wrapper returns.
func rawConns(t *testing.T) map[string]syscall.RawConn {
	t.Helper()
	tcp, server := testnet.TCPPair(t)
	unix, _ := testnet.UnixPair(t, "unix")
	udp, _ := testnet.UDPPair(t)
	raws := make(map[string]syscall.RawConn)
	for name, c := range map[string]any{
		"tcp":       netwrap.Conn(tcp, &testnet.NewRecord().Record),
		"plain tcp": netwrap.PlainTCP(server, &testnet.NewRecord().Record),
		"unix":      netwrap.Conn(unix, &testnet.NewRecord().Record),
		"udp":       netwrap.Conn(udp, &testnet.NewPacketRecord().Record),
		"foreign":   netwrap.Conn(foreign{tcp}, &testnet.NewRecord().Record),
		"packets":   netwrap.PacketConn(rawPacket{udp, udp}, &testnet.NewPacketRecord().Record),
	} {
		raw, err := c.(syscall.Conn).SyscallConn()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		raws[name] = raw
	}
	return raws
}

// Package os takes a descriptor from a RawConn that has more than the methods
// of the interface, and moves bytes past the wrapper.
func TestRawConnsHideTheDescriptorFromPackageOS(t *testing.T) {
	for name, raw := range rawConns(t) {
		if got := reflect.TypeOf(raw).NumMethod(); got != 3 {
			t.Errorf("%s: the RawConn has %d methods, want Control, Read, Write", name, got)
		}
	}
}

// Drivers look whether a pooled connection is still alive by a read that does
// not wait.
func TestRawConnsServeLivenessChecks(t *testing.T) {
	client, server := testnet.TCPPair(t)
	conn := netwrap.Conn(client, &testnet.NewRecord().Record)
	if alive := check(t, conn); !alive {
		t.Error("an open connection is taken for dead")
	}
	server.Close()
	eventually(t, "the check finds the connection dead", func() bool { return !check(t, conn) })
}

func check(t *testing.T, conn net.Conn) (alive bool) {
	t.Helper()
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = raw.Read(func(fd uintptr) bool {
		n, err := syscall.Read(int(fd), make([]byte, 1))
		alive = n < 0 && err == syscall.EAGAIN
		return true
	})
	return err == nil && alive
}
