package ledger

import (
	"errors"
	"net"
)

// A proxy stands between clients and a server.
type proxy struct {
	listener *net.TCPListener
	target   string
}

// newProxy returns a proxy that connects to the TCP address target.
func newProxy(target string) (*proxy, error) {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	return &proxy{l, target}, nil
}

// address is where clients dial.
func (p *proxy) address() string { return p.listener.Addr().String() }

// close ends listening. Relays go on.
func (p *proxy) close() error { return p.listener.Close() }

// accept accepts a client that has dialed, connects it to the server, and starts
// a relay with these faults.
func (p *proxy) accept(toServer, toClient faults) (*relay, error) {
	client, err := p.listener.AcceptTCP()
	if err != nil {
		return nil, err
	}
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return startRelay(client, server.(*net.TCPConn), toServer, toClient), nil
}
