package netwrap_test

import (
	"net"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/netstats-go/netstats/internal/netwrap"
	"github.com/netstats-go/netstats/internal/testnet"
)

// What the types of package net have, written down: a method that a new Go
// release adds must be looked at before it is passed on.
const (
	connMethods = "Close LocalAddr Read RemoteAddr SetDeadline SetReadDeadline SetWriteDeadline Write"
	fdMethods   = connMethods + " File SetReadBuffer SetWriteBuffer SyscallConn"
	tcpMethods  = fdMethods + " CloseRead CloseWrite MultipathTCP ReadFrom SetKeepAlive SetKeepAliveConfig" +
		" SetKeepAlivePeriod SetLinger SetNoDelay WriteTo"
	unixMethods = fdMethods + " CloseRead CloseWrite ReadFrom ReadFromUnix ReadMsgUnix WriteMsgUnix WriteTo WriteToUnix"
	udpMethods  = fdMethods + " ReadFrom ReadFromUDP ReadFromUDPAddrPort ReadMsgUDP ReadMsgUDPAddrPort" +
		" WriteMsgUDP WriteMsgUDPAddrPort WriteTo WriteToUDP WriteToUDPAddrPort"
	ipMethods           = fdMethods + " ReadFrom ReadFromIP ReadMsgIP WriteMsgIP WriteTo WriteToIP"
	packetMethods       = "Close LocalAddr ReadFrom SetDeadline SetReadDeadline SetWriteDeadline WriteTo"
	listenerMethods     = "Accept Addr Close"
	fdListenerMethods   = listenerMethods + " File SetDeadline SyscallConn"
	unixListenerMethods = fdListenerMethods + " SetUnlinkOnClose"
)

func TestTypesOfPackageNetHaveTheMethodsThatWeKnow(t *testing.T) {
	for _, tt := range []struct {
		value any
		want  string
	}{
		{(*net.TCPConn)(nil), tcpMethods},
		{(*net.UnixConn)(nil), unixMethods},
		{(*net.UDPConn)(nil), udpMethods},
		{(*net.IPConn)(nil), ipMethods},
		{(*net.TCPListener)(nil), fdListenerMethods + " AcceptTCP"},
		{(*net.UnixListener)(nil), unixListenerMethods + " AcceptUnix"},
	} {
		wantMethods(t, tt.value, tt.want)
	}
}

func TestWrappersHaveTheMethodsOfWhatTheyWrap(t *testing.T) {
	tcp, _ := testnet.TCPPair(t)
	unix, _ := testnet.UnixPair(t, "unix")
	udp, _ := testnet.UDPPair(t)
	pipe, other := net.Pipe()
	defer other.Close()
	defer pipe.Close()

	for _, tt := range []struct {
		inner net.Conn
		want  string
	}{
		{tcp, tcpMethods},
		{unix, unixMethods},
		{udp, udpMethods},
		{new(net.IPConn), ipMethods},
		{pipe, connMethods},
		{struct{ net.Conn }{tcp}, connMethods},
		{halfCloser{tcp, tcp}, connMethods + " CloseWrite"},
		{rawer{tcp, tcp}, connMethods + " SyscallConn"},
		{foreign{tcp}, connMethods + " CloseWrite SyscallConn"},
		{struct{ packetConn }{udp}, connMethods + " ReadFrom WriteTo"},
		{foreignPacket{udp}, connMethods + " ReadFrom SyscallConn WriteTo"},
	} {
		wrapped := netwrap.Conn(tt.inner, &testnet.NewRecord().Record)
		wantMethods(t, wrapped, tt.want+" NetConn")
		wantSignatures(t, wrapped, tt.inner)
		if got := wrapped.(interface{ NetConn() net.Conn }).NetConn(); got != tt.inner {
			t.Errorf("%T: NetConn returned %v, want the wrapped connection", tt.inner, got)
		}
	}
	explicit := netwrap.PlainTCP(tcp, nil)
	wantMethods(t, explicit, tcpMethods+" NetConn")
	wantSignatures(t, explicit, tcp)
}

func TestPacketWrappersHaveTheMethodsOfWhatTheyWrap(t *testing.T) {
	udp, _ := testnet.UDPPair(t)
	unix, _ := testnet.UnixgramPair(t)
	for _, tt := range []struct {
		inner net.PacketConn
		want  string
	}{
		{udp, udpMethods + " NetConn"},
		{unix, unixMethods + " NetConn"},
		{new(net.IPConn), ipMethods + " NetConn"},
		{struct{ net.PacketConn }{udp}, packetMethods},
		{rawPacket{udp, udp}, packetMethods + " SyscallConn"},
		{struct{ packetConn }{udp}, connMethods + " NetConn ReadFrom WriteTo"},
		{foreignPacket{udp}, connMethods + " NetConn ReadFrom SyscallConn WriteTo"},
	} {
		wrapped := netwrap.PacketConn(tt.inner, &testnet.NewPacketRecord().Record)
		wantMethods(t, wrapped, tt.want)
		wantSignatures(t, wrapped, tt.inner)
	}
}

func TestListenersHaveTheMethodsOfWhatTheyWrap(t *testing.T) {
	for _, tt := range []struct {
		inner net.Listener
		want  string
	}{
		{new(net.TCPListener), fdListenerMethods},
		{new(net.UnixListener), unixListenerMethods},
		{struct{ *net.TCPListener }{}, listenerMethods},
	} {
		wrapped := netwrap.Listener(tt.inner, nil)
		wantMethods(t, wrapped, tt.want)
		wantSignatures(t, wrapped, tt.inner)
		if got, ok := netwrap.ListenerOf(wrapped); !ok || got != tt.inner {
			t.Errorf("ListenerOf returned %v, %v, want the wrapped listener", got, ok)
		}
	}
}

// Connections that are none of package net's.
type (
	halfCloser struct {
		net.Conn
		closeWriter interface{ CloseWrite() error }
	}
	rawer struct {
		net.Conn
		raw syscall.Conn
	}
	rawPacket struct {
		net.PacketConn
		syscall.Conn
	}
	foreign       struct{ *net.TCPConn }
	foreignPacket struct{ *net.UDPConn }
	packetConn    interface {
		net.Conn
		ReadFrom([]byte) (int, net.Addr, error)
		WriteTo([]byte, net.Addr) (int, error)
	}
)

func (c halfCloser) CloseWrite() error { return c.closeWriter.CloseWrite() }

func (c rawer) SyscallConn() (syscall.RawConn, error) { return c.raw.SyscallConn() }

func wantMethods(t *testing.T, value any, list string) {
	t.Helper()
	want := strings.Fields(list)
	slices.Sort(want)
	typ := reflect.TypeOf(value)
	var got []string
	for m := range typ.Methods() {
		got = append(got, m.Name)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v with %s has the methods\n%v, want\n%v", typ, runtime.Version(), got, want)
	}
}

// wantSignatures fails the test if a method of wrapped and inner differ.
func wantSignatures(t *testing.T, wrapped, inner any) {
	t.Helper()
	for m := range reflect.TypeOf(wrapped).Methods() {
		name := m.Name
		want := reflect.ValueOf(inner).MethodByName(name)
		got := reflect.ValueOf(wrapped).MethodByName(name)
		if name != "NetConn" && (!want.IsValid() || got.Type() != want.Type()) {
			t.Errorf("%T has %s %v, want the method of %T", wrapped, name, got.Type(), inner)
		}
	}
}
