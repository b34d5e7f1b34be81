package netwrap_test

import (
	"net"
	"testing"

	"github.com/netstats-go/netstats/internal/netwrap"
	"github.com/netstats-go/netstats/internal/testnet"
)

// ipMethodSet is what *net.IPConn and its wrapper have to move packets.
type ipMethodSet interface {
	net.Conn
	net.PacketConn
	ReadFromIP(b []byte) (int, *net.IPAddr, error)
	ReadMsgIP(b, oob []byte) (n, oobn, flags int, addr *net.IPAddr, err error)
	WriteToIP(b []byte, addr *net.IPAddr) (int, error)
	WriteMsgIP(b, oob []byte, addr *net.IPAddr) (n, oobn int, err error)
}

func TestIPPacketsAreCountedHoweverTheyAreMoved(t *testing.T) {
	const experimental = "ip4:253"
	local := &net.IPAddr{IP: net.IPv4(127, 0, 0, 1)}
	remote := &net.IPAddr{IP: net.IPv4(127, 0, 0, 2)}
	server, err := net.ListenIP(experimental, remote)
	if err != nil {
		t.Skipf("no raw sockets: %v", err)
	}
	defer server.Close()
	client, err := net.DialIP(experimental, local, remote)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	crec, srec := testnet.NewPacketRecord(), testnet.NewPacketRecord()
	c := netwrap.Conn(client, &crec.Record).(ipMethodSet)
	s := netwrap.PacketConn(server, &srec.Record).(ipMethodSet)

	// Read and ReadMsgIP would return the header, too.
	exchangeSizes(t, crec, srec, []call{
		{"Write", c.Write},
	}, []call{
		{"ReadFrom", func(b []byte) (n int, err error) { n, _, err = s.ReadFrom(b); return n, err }},
		{"ReadFromIP", func(b []byte) (n int, err error) { n, _, err = s.ReadFromIP(b); return n, err }},
	}, 1, 1000)
	exchangeSizes(t, srec, crec, []call{
		{"WriteTo", func(b []byte) (int, error) { return s.WriteTo(b, local) }},
		{"WriteToIP", func(b []byte) (int, error) { return s.WriteToIP(b, local) }},
		{"WriteMsgIP", func(b []byte) (n int, err error) { n, _, err = s.WriteMsgIP(b, nil, local); return n, err }},
	}, []call{
		{"ReadFrom", func(b []byte) (n int, err error) { n, _, err = c.ReadFrom(b); return n, err }},
	}, 1, 1000)

	// With the header, the count is what is returned, as ever.
	const header = 20
	received, _ := crec.Flows()
	for _, read := range []call{
		{"Read", c.Read},
		{"ReadMsgIP", func(b []byte) (n int, err error) { n, _, _, _, err = c.ReadMsgIP(b, nil); return n, err }},
	} {
		if _, err := s.WriteTo(payload[:10], local); err != nil {
			t.Fatal(err)
		}
		if n, err := read.do(make([]byte, 100)); n != header+10 || err != nil {
			t.Fatalf("%s returned %d, %v", read.name, n, err)
		}
		received.Bytes += header + 10
		received.Operations++
		if got, _ := crec.Flows(); got != received {
			t.Errorf("%s: counted %v received, want %v", read.name, got, received)
		}
	}
	closeAll(t, c, s, crec, srec)
}
