package netwrap_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/netwrap"
	"github.com/netstats-go/netstats/internal/testnet"
)

// udpMethodSet is what *net.UDPConn and its wrapper have to move datagrams.
type udpMethodSet interface {
	net.Conn
	net.PacketConn
	ReadFromUDP(b []byte) (int, *net.UDPAddr, error)
	ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error)
	ReadMsgUDP(b, oob []byte) (n, oobn, flags int, addr *net.UDPAddr, err error)
	ReadMsgUDPAddrPort(b, oob []byte) (n, oobn, flags int, addr netip.AddrPort, err error)
	WriteToUDP(b []byte, addr *net.UDPAddr) (int, error)
	WriteToUDPAddrPort(b []byte, addr netip.AddrPort) (int, error)
	WriteMsgUDP(b, oob []byte, addr *net.UDPAddr) (n, oobn int, err error)
	WriteMsgUDPAddrPort(b, oob []byte, addr netip.AddrPort) (n, oobn int, err error)
}

type unixMethodSet interface {
	net.Conn
	net.PacketConn
	ReadFromUnix(b []byte) (int, *net.UnixAddr, error)
	ReadMsgUnix(b, oob []byte) (n, oobn, flags int, addr *net.UnixAddr, err error)
	WriteToUnix(b []byte, addr *net.UnixAddr) (int, error)
	WriteMsgUnix(b, oob []byte, addr *net.UnixAddr) (n, oobn int, err error)
}

// A call moves one datagram and returns its size.
type call struct {
	name string
	do   func(b []byte) (int, error)
}

func TestDatagramsAreCountedHoweverTheyAreMoved(t *testing.T) {
	client, server := testnet.UDPPair(t)
	crec, srec := testnet.NewPacketRecord(), testnet.NewPacketRecord()
	c := netwrap.Conn(client, &crec.Record).(udpMethodSet)
	s := netwrap.PacketConn(server, &srec.Record).(udpMethodSet)
	at := client.LocalAddr().(*net.UDPAddr)
	port := at.AddrPort()

	exchange(t, crec, srec, []call{
		{"Write", c.Write},
		{"WriteMsgUDP", func(b []byte) (n int, err error) { n, _, err = c.WriteMsgUDP(b, nil, nil); return n, err }},
		{"WriteMsgUDPAddrPort", func(b []byte) (n int, err error) {
			n, _, err = c.WriteMsgUDPAddrPort(b, nil, netip.AddrPort{})
			return n, err
		}},
	}, []call{
		{"Read", s.Read},
		{"ReadFrom", func(b []byte) (n int, err error) { n, _, err = s.ReadFrom(b); return n, err }},
		{"ReadFromUDP", func(b []byte) (n int, err error) { n, _, err = s.ReadFromUDP(b); return n, err }},
		{"ReadFromUDPAddrPort", func(b []byte) (n int, err error) { n, _, err = s.ReadFromUDPAddrPort(b); return n, err }},
		{"ReadMsgUDP", func(b []byte) (n int, err error) { n, _, _, _, err = s.ReadMsgUDP(b, nil); return n, err }},
		{"ReadMsgUDPAddrPort", func(b []byte) (n int, err error) {
			n, _, _, _, err = s.ReadMsgUDPAddrPort(b, nil)
			return n, err
		}},
	})
	exchange(t, srec, crec, []call{
		{"WriteTo", func(b []byte) (int, error) { return s.WriteTo(b, at) }},
		{"WriteToUDP", func(b []byte) (int, error) { return s.WriteToUDP(b, at) }},
		{"WriteToUDPAddrPort", func(b []byte) (int, error) { return s.WriteToUDPAddrPort(b, port) }},
		{"WriteMsgUDP", func(b []byte) (n int, err error) { n, _, err = s.WriteMsgUDP(b, nil, at); return n, err }},
		{"WriteMsgUDPAddrPort", func(b []byte) (n int, err error) {
			n, _, err = s.WriteMsgUDPAddrPort(b, nil, port)
			return n, err
		}},
	}, []call{{"Read", c.Read}})
	closeAll(t, c, s, crec, srec)
}

func TestUnixDatagramsAreCountedHoweverTheyAreMoved(t *testing.T) {
	client, server := testnet.UnixgramPair(t)
	crec, srec := testnet.NewPacketRecord(), testnet.NewPacketRecord()
	c := netwrap.Conn(client, &crec.Record).(unixMethodSet)
	s := netwrap.PacketConn(server, &srec.Record).(unixMethodSet)
	at := client.LocalAddr().(*net.UnixAddr)

	exchange(t, crec, srec, []call{
		{"Write", c.Write},
	}, []call{
		{"Read", s.Read},
		{"ReadFrom", func(b []byte) (n int, err error) { n, _, err = s.ReadFrom(b); return n, err }},
		{"ReadFromUnix", func(b []byte) (n int, err error) { n, _, err = s.ReadFromUnix(b); return n, err }},
		{"ReadMsgUnix", func(b []byte) (n int, err error) { n, _, _, _, err = s.ReadMsgUnix(b, nil); return n, err }},
	})
	exchange(t, srec, crec, []call{
		{"WriteTo", func(b []byte) (int, error) { return s.WriteTo(b, at) }},
		{"WriteToUnix", func(b []byte) (int, error) { return s.WriteToUnix(b, at) }},
		{"WriteMsgUnix", func(b []byte) (n int, err error) { n, _, err = s.WriteMsgUnix(b, nil, at); return n, err }},
	}, []call{{"Read", c.Read}})
	closeAll(t, c, s, crec, srec)
}

func TestOtherPeoplesDatagramsAreCounted(t *testing.T) {
	client, server := testnet.UDPPair(t)
	crec, srec := testnet.NewPacketRecord(), testnet.NewPacketRecord()
	c := netwrap.Conn(foreignPacket{client}, &crec.Record).(packetConn)
	s := netwrap.PacketConn(rawPacket{server, server}, &srec.Record)
	at := client.LocalAddr()

	exchange(t, crec, srec, []call{
		{"Write", c.Write},
	}, []call{
		{"ReadFrom", func(b []byte) (n int, err error) { n, _, err = s.ReadFrom(b); return n, err }},
	})
	exchange(t, srec, crec, []call{
		{"WriteTo", func(b []byte) (int, error) { return s.WriteTo(b, at) }},
	}, []call{
		{"Read", c.Read},
		{"ReadFrom", func(b []byte) (n int, err error) { n, _, err = c.ReadFrom(b); return n, err }},
	})
	closeAll(t, c, s, crec, srec)
}

// exchange sends datagrams of different sizes, the empty one included, in all
// the given ways, and holds both counts against what was sent.
func exchange(t *testing.T, from, to *testnet.Record, writes, reads []call) {
	t.Helper()
	exchangeSizes(t, from, to, writes, reads, 1, 0, 1000)
}

func exchangeSizes(t *testing.T, from, to *testnet.Record, writes, reads []call, sizes ...int) {
	t.Helper()
	_, sent := from.Flows()
	received, _ := to.Flows()
	for i := range len(writes) * len(reads) {
		write, read := writes[i%len(writes)], reads[i/len(writes)]
		for _, size := range sizes {
			if n, err := write.do(payload[:size]); n != size || err != nil {
				t.Fatalf("%s of %d bytes returned %d, %v", write.name, size, n, err)
			}
			if n, err := read.do(make([]byte, 2000)); n != size || err != nil {
				t.Fatalf("%s of %d bytes returned %d, %v", read.name, size, n, err)
			}
			sent.Bytes += int64(size)
			sent.Operations++
			received.Bytes += int64(size)
			received.Operations++
			if _, got := from.Flows(); got != sent {
				t.Errorf("%s: counted %v sent, want %v", write.name, got, sent)
			}
			if got, _ := to.Flows(); got != received {
				t.Errorf("%s: counted %v received, want %v", read.name, got, received)
			}
		}
	}
}

func closeAll(t *testing.T, c, s interface{ Close() error }, records ...*testnet.Record) {
	t.Helper()
	c.Close()
	s.Close()
	for _, r := range records {
		if got := r.Wait(t); got != connstat.Local {
			t.Errorf("ended with reason %d, want %d", got, connstat.Local)
		}
	}
}
