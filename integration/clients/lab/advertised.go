package lab

import "net"

// Advertise starts a relay for a listener, and returns the listener with the relay's
// address: for servers that tell their clients where to go.
func (w *Way) Advertise(l net.Listener) net.Listener {
	w.t.Helper()
	return advertised{l, address(w.Relay(l.Addr().String()))}
}

type advertised struct {
	net.Listener
	addr net.Addr
}

func (a advertised) Addr() net.Addr { return a.addr }

type address string

func (address) Network() string  { return "tcp" }
func (a address) String() string { return string(a) }
