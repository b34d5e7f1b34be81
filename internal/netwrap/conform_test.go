package netwrap_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"golang.org/x/net/nettest"

	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/netwrap"
	"github.com/netstats-go/netstats/internal/testnet"
)

func TestConn(t *testing.T) {
	wrap := func(c net.Conn) net.Conn { return netwrap.Conn(c, &testnet.NewRecord().Record) }
	plainTCP := func(c net.Conn) net.Conn {
		return netwrap.PlainTCP(c.(*net.TCPConn), &testnet.NewRecord().Record)
	}
	for _, tt := range []struct {
		name, network string
		client        func(net.Conn) net.Conn
		server        func(net.Conn) net.Conn
	}{
		{"tcp", "tcp", wrap, wrap},
		{"tcp, several writes", "tcp", plainTCP, plainTCP},
		{"unix", "unix", wrap, wrap},
		{"pipe", "", wrap, wrap},
		{
			"other people's", "tcp",
			func(c net.Conn) net.Conn { return wrap(foreign{c.(*net.TCPConn)}) },
			func(c net.Conn) net.Conn { return wrap(struct{ net.Conn }{c}) },
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
				c1, c2, err = dialed(tt.network)
				if err != nil {
					return nil, nil, nil, err
				}
				c1, c2 = tt.client(c1), tt.server(c2)
				return c1, c2, func() { c1.Close(); c2.Close() }, nil
			})
		})
	}
}

// A *tls.Conn does not recover from a deadline that passes during a write, with
// or without a wrapper below it, so it cannot pass all of nettest's subtests.
// Those that it can pass are run in a process of their own, as there is no
// other way to choose.
func TestTLSConn(t *testing.T) {
	const chosen = "NETSTATS_TLS"
	if os.Getenv(chosen) == "" {
		cmd := exec.Command(os.Args[0], "-test.v",
			"-test.run=^TestTLSConn$/^(BasicIO|PingPong|RacyRead|RacyWrite|ReadTimeout|WriteTimeout|PresentTimeout|CloseTimeout)$")
		cmd.Env = append(os.Environ(), chosen+"=1")
		if out, err := cmd.CombinedOutput(); err != nil || bytes.Count(out, []byte("--- PASS: ")) != 9 {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	config := tlsConfig(t)
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		c1, c2, err = dialed("tcp")
		if err != nil {
			return nil, nil, nil, err
		}
		client := tls.Client(netwrap.Conn(c1, &testnet.NewRecord().Record), config)
		server := tls.Server(netwrap.Conn(c2, &testnet.NewRecord().Record), config)
		shaken := make(chan error)
		go func() { shaken <- client.Handshake() }()
		if err := errors.Join(server.Handshake(), <-shaken); err != nil {
			return nil, nil, nil, err
		}
		return client, server, func() { client.Close(); server.Close() }, nil
	})
}

// dialed returns both ends of a connection; the empty network is in memory.
func dialed(network string) (client, server net.Conn, err error) {
	if network == "" {
		client, server = net.Pipe()
		return client, server, nil
	}
	l, err := nettest.NewLocalListener(network)
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	if network == "unix" {
		defer os.Remove(l.Addr().String())
	}
	client, err = net.Dial(network, l.Addr().String())
	if err != nil {
		return nil, nil, err
	}
	server, err = l.Accept()
	return client, server, err
}

func tlsConfig(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{
		InsecureSkipVerify: true,
		Certificates:       []tls.Certificate{{Certificate: [][]byte{cert}, PrivateKey: key}},
	}
}

func TestNilIsReturnedAsItIs(t *testing.T) {
	rec := &testnet.NewRecord().Record
	for _, c := range []net.Conn{nil, (*net.TCPConn)(nil), (*net.UnixConn)(nil), (*net.UDPConn)(nil), (*net.IPConn)(nil)} {
		if got := netwrap.Conn(c, rec); got != c {
			t.Errorf("Conn of a nil %T is %v", c, got)
		}
		p, _ := c.(net.PacketConn)
		if got := netwrap.PacketConn(p, rec); got != p {
			t.Errorf("PacketConn of a nil %T is %v", c, got)
		}
	}
	if got := netwrap.Listener(nil, nil); got != nil {
		t.Errorf("Listener of nil is %v", got)
	}
}

func TestRecordOfKnowsWrappersOnly(t *testing.T) {
	client, server := testnet.TCPPair(t)
	rec := &testnet.NewRecord().Record
	wrapped := netwrap.Conn(client, rec)
	for _, tt := range []struct {
		value any
		want  *connstat.Record
	}{
		{wrapped, rec},
		{netwrap.PlainTCP(server, rec), rec},
		{netwrap.Conn(foreign{server}, rec), rec},
		{netwrap.PacketConn(struct{ net.PacketConn }{}, rec), rec},
		{client, nil},
		{struct{ net.Conn }{wrapped}, nil},
		{tls.Client(wrapped, nil), nil},
		{nil, nil},
		{"text", nil},
	} {
		if got := netwrap.RecordOf(tt.value); got != tt.want {
			t.Errorf("RecordOf(%T) is %p, want %p", tt.value, got, tt.want)
		}
	}
	runtime.KeepAlive(server)
}
