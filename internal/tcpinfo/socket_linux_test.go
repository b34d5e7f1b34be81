package tcpinfo_test

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/netstats-go/netstats/internal/tcpinfo"
	"github.com/netstats-go/netstats/internal/testnet"
)

func TestMain(m *testing.M) { testnet.Main(m) }

func TestInfoOfOpenConnection(t *testing.T) {
	client, server := testnet.TCPPair(t)
	var s tcpinfo.Socket
	if start, ok := s.Init(client); !ok || start.Sent != 0 || !start.HasSent {
		t.Fatalf("Init returned %+v, %v, want nothing sent", start, ok)
	}
	b := make([]byte, 1000)
	testnet.Send(t, client, b)
	testnet.Receive(t, server, b)
	info, ok := s.Info()
	if !ok || info.Sent != 1000 || !info.HasSent {
		t.Errorf("got %+v, %v, want 1000 bytes sent", info, ok)
	}
	if info.RTT <= 0 {
		t.Errorf("the round trip took %v", info.RTT)
	}
}

func TestInitStartsWithWhatWasSentBefore(t *testing.T) {
	client, _ := testnet.TCPPair(t)
	testnet.Send(t, client, make([]byte, 123))
	var s tcpinfo.Socket
	if start, ok := s.Init(client); !ok || start.Sent != 123 {
		t.Errorf("Init returned %+v, %v, want 123 bytes sent", start, ok)
	}
}

func TestInfoAfterReset(t *testing.T) {
	client, server := testnet.TCPPair(t)
	var s tcpinfo.Socket
	s.Init(client)
	testnet.Send(t, client, make([]byte, 1000))
	testnet.Must(t, server.SetLinger(0))
	server.Close()
	if _, err := client.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
		t.Fatalf("Read returned %v, want a reset", err)
	}
	if info, ok := s.Info(); !ok || info.Sent != 1000 {
		t.Errorf("got %+v, %v, want 1000 bytes sent", info, ok)
	}
}

func TestInfoAfterClose(t *testing.T) {
	client, _ := testnet.TCPPair(t)
	var s tcpinfo.Socket
	s.Init(client)
	held, ok := s.Hold()
	if !ok {
		t.Fatal("an open connection cannot be held")
	}
	testnet.Send(t, client, make([]byte, 1000))
	client.Close()
	if info, ok := s.Info(); ok {
		t.Errorf("a closed connection returned %+v", info)
	}
	if _, ok := s.Hold(); ok {
		t.Error("a closed connection can be held")
	}
	if info, ok := held.Info(); !ok || info.Sent != 1000 {
		t.Errorf("what was held returned %+v, %v, want 1000 bytes sent", info, ok)
	}
}

// What is held is let go: the peer sees the end.
func TestHeldIsClosed(t *testing.T) {
	client, server := testnet.TCPPair(t)
	var s tcpinfo.Socket
	s.Init(client)
	held, _ := s.Hold()
	client.Close()
	held.Info()
	if n, err := server.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("the peer read %d, %v, want EOF", n, err)
	}
}

func TestInfoAllocatesNothing(t *testing.T) {
	if testnet.Race {
		t.Skip("the race detector changes what is allocated")
	}
	client, _ := testnet.TCPPair(t)
	var s tcpinfo.Socket
	s.Init(client)
	if got := testing.AllocsPerRun(100, func() { s.Info() }); got != 0 {
		t.Errorf("Info allocates %v times, want 0", got)
	}
}

func TestOnlyPlainTCPIsSuitable(t *testing.T) {
	unix, _ := testnet.UnixPair(t, "unix")
	udp, _ := testnet.UDPPair(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	closed, _ := testnet.TCPPair(t)
	closed.Close()
	for name, c := range map[string]syscall.Conn{
		"unix": unix, "udp": udp, "listener": l.(*net.TCPListener), "closed": closed, "zero": new(net.TCPConn),
	} {
		var s tcpinfo.Socket
		if info, ok := s.Init(c); ok {
			t.Errorf("%s: Init returned %+v", name, info)
		}
		if info, ok := s.Info(); ok {
			t.Errorf("%s: Info returned %+v", name, info)
		}
	}
}

func TestMultipathTCPIsNotSuitable(t *testing.T) {
	var lc net.ListenConfig
	lc.SetMultipathTCP(true)
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var d net.Dialer
	d.SetMultipathTCP(true)
	client, err := d.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if multi, err := client.(*net.TCPConn).MultipathTCP(); !multi || err != nil {
		t.Skipf("no Multipath TCP here: %v", err)
	}
	var s tcpinfo.Socket
	if info, ok := s.Init(client.(*net.TCPConn)); ok {
		t.Errorf("Init returned %+v", info)
	}
}

func TestRetransmitsAreKnown(t *testing.T) {
	network := testnet.NewLossyNetwork(t, 0.1, 1)
	client, server := network.TCPPair(t)
	raw, err := client.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan error)
	go func() {
		_, err := io.CopyN(io.Discard, server, 1<<20)
		read <- err
	}()
	testnet.Send(t, client, make([]byte, 1<<20))
	if err := <-read; err != nil {
		t.Fatal(err)
	}
	if info, ok := tcpinfo.Of(raw); !ok || info.Retransmits == 0 || info.Sent != 1<<20 {
		t.Errorf("got %+v, %v after %d packets were lost", info, ok, network.Lost())
	}
}

// A nosy connection counts how often its descriptor is asked for.
type nosy struct {
	*net.TCPConn
	asked *int
}

func (c nosy) SyscallConn() (syscall.RawConn, error) {
	raw, err := c.TCPConn.SyscallConn()
	return nosyRaw{raw, c.asked}, err
}

type nosyRaw struct {
	syscall.RawConn
	asked *int
}

func (r nosyRaw) Control(f func(fd uintptr)) error {
	*r.asked++
	return r.RawConn.Control(f)
}

func TestInitDialedAsksOnlyOnce(t *testing.T) {
	client, _ := testnet.TCPPair(t)
	asked := 0
	conn := nosy{client, &asked}
	new(tcpinfo.Socket).Init(conn) // the kernel is known from here on
	asked = 0
	var s tcpinfo.Socket
	if start, ok := s.InitDialed(conn); !ok || start.Sent != 0 || !start.HasSent {
		t.Errorf("InitDialed returned %+v, %v, want nothing sent", start, ok)
	}
	if asked != 0 {
		t.Errorf("InitDialed asked %d times", asked)
	}
	testnet.Send(t, client, make([]byte, 1000))
	if info, ok := s.Info(); !ok || info.Sent != 1000 {
		t.Errorf("got %+v, %v, want 1000 bytes sent", info, ok)
	}
}
