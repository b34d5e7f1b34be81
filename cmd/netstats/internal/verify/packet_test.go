package verify

import (
	"net"
	"net/netip"
	"path/filepath"
	"testing"

	"github.com/netstats-go/netstats/internal/bridge"
)

// All ways to send and receive with UDP, each with a size of its own.
func TestUDP(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		t.Run(host, func(t *testing.T) { testUDP(t, host) })
	}
}

func testUDP(t *testing.T, host string) {
	r := record(t)
	s, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(host)})
	if err != nil {
		t.Skip(err)
	}
	defer s.Close()
	c, err := net.DialUDP("udp", nil, s.LocalAddr().(*net.UDPAddr))
	must(t, err)
	defer c.Close()
	buf, oob := make([]byte, 2000), make([]byte, 100)
	to := c.LocalAddr().(*net.UDPAddr)
	toPort := netip.AddrPortFrom(to.AddrPort().Addr().Unmap(), to.AddrPort().Port())
	do := func(_ int, err error) { t.Helper(); must(t, err) }
	from := func(_ int, _ any, err error) { t.Helper(); must(t, err) }
	steps := []func(){
		func() { do(c.Write(buf[:1])) },
		func() { n, a, err := s.ReadFrom(buf); from(n, a, err) },
		func() { do(s.WriteTo(buf[:2], to)) },
		func() { do(c.Read(buf)) },
		func() { do(c.Write(buf[:4])) },
		func() { n, a, err := s.ReadFromUDP(buf); from(n, a, err) },
		func() { do(s.WriteToUDP(buf[:8], to)) },
		func() { n, a, err := c.ReadFromUDPAddrPort(buf); from(n, a, err) },
		func() { do(c.Write(buf[:16])) },
		func() { n, a, err := s.ReadFromUDPAddrPort(buf); from(n, a, err) },
		func() { do(s.WriteToUDPAddrPort(buf[:32], toPort)) },
		func() { do(c.Read(buf)) },
		func() { n, _, err := c.WriteMsgUDP(buf[:64], nil, nil); do(n, err) },
		func() { n, _, _, _, err := s.ReadMsgUDP(buf, oob); do(n, err) },
		func() { n, _, err := s.WriteMsgUDP(buf[:128], nil, to); do(n, err) },
		func() { n, _, _, _, err := c.ReadMsgUDPAddrPort(buf, oob); do(n, err) },
		func() { do(c.Write(buf[:256])) },
		func() { n, _, _, _, err := s.ReadMsgUDPAddrPort(buf, oob); do(n, err) },
		func() { n, _, err := s.WriteMsgUDPAddrPort(buf[:512], nil, toPort); do(n, err) },
		func() { do(c.Read(buf)) },
		func() { do(c.Write(nil)) }, // an empty packet
		func() { n, a, err := s.ReadFrom(buf); from(n, a, err) },
	}
	for _, step := range steps {
		step()
	}
	moved(t, r.of(c), flow{2 + 8 + 32 + 128 + 512, 5}, flow{1 + 4 + 16 + 64 + 256, 6})
	moved(t, r.of(s), flow{1 + 4 + 16 + 64 + 256, 6}, flow{2 + 8 + 32 + 128 + 512, 5})
	if r.of(c).kind != bridge.Connected || r.of(s).kind != bridge.Bound {
		t.Errorf("kinds %d and %d", r.of(c).kind, r.of(s).kind)
	}
}

func TestUnixgram(t *testing.T) {
	r := record(t)
	address := &net.UnixAddr{Name: filepath.Join(t.TempDir(), "g"), Net: "unixgram"}
	s, err := net.ListenUnixgram("unixgram", address)
	must(t, err)
	defer s.Close()
	c, err := net.DialUnix("unixgram", nil, address)
	must(t, err)
	defer c.Close()
	_, err = c.Write(make([]byte, 11))
	must(t, err)
	_, _, err = s.ReadFrom(make([]byte, 100))
	must(t, err)
	moved(t, r.of(s), flow{11, 1}, flow{})
	moved(t, r.of(c), flow{}, flow{11, 1})
}
