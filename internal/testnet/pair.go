package testnet

import (
	"net"
	"path/filepath"
	"testing"
)

// socketPath returns a path for a unix socket.
func socketPath(t testing.TB) string {
	t.Helper()
	return filepath.Join(shortDir(t), "s")
}

// TCPPair returns both ends of a TCP connection over loopback. They are closed
// when the test ends.
func TCPPair(t testing.TB) (client, server *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, s := pair(t, l)
	return c.(*net.TCPConn), s.(*net.TCPConn)
}

// UnixPair returns both ends of a unix connection of the given network: "unix"
// or "unixpacket". They are closed when the test ends.
func UnixPair(t testing.TB, network string) (client, server *net.UnixConn) {
	t.Helper()
	l, err := net.Listen(network, socketPath(t))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, s := pair(t, l)
	return c.(*net.UnixConn), s.(*net.UnixConn)
}

// UnixgramPair returns a unix datagram socket connected to another one, which
// is not connected.
func UnixgramPair(t testing.TB) (client, server *net.UnixConn) {
	t.Helper()
	at := &net.UnixAddr{Name: socketPath(t), Net: "unixgram"}
	server, err := net.ListenUnixgram("unixgram", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	client, err = net.DialUnix("unixgram", &net.UnixAddr{Name: socketPath(t), Net: "unixgram"}, at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client, server
}

// UDPPair returns a UDP socket connected to another one, which is not
// connected.
func UDPPair(t testing.TB) (client, server *net.UDPConn) {
	t.Helper()
	server, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	client, err = net.DialUDP("udp", nil, server.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client, server
}

// pair dials l and accepts.
func pair(t testing.TB, l net.Listener) (client, server net.Conn) {
	t.Helper()
	client, err := net.Dial(l.Addr().Network(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	server, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return client, server
}
