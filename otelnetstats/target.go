package otelnetstats

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
)

// A target is what a connection leads to, or the place where it was accepted,
// as telemetry names it.
//
// Its texts are clean.
type target struct {
	transport string
	address   string // server.address: a host, unresolved, or a path
	port      int    // server.port; zero if there is none
	name      string // of the Dialer
	cut       bool   // the address was longer than any that there can be
}

// newTarget takes a dial's arguments apart.
func newTarget(network, address, name string) target {
	t := target{transport: transportOf(network), address: address, name: name}
	switch t.transport {
	case "tcp", "udp":
		t.address, t.port = splitHostPort(network, address)
	}
	return t.clean()
}

// targetOf takes an address apart.
func targetOf(addr net.Addr) target {
	t := target{transport: "unknown"}
	if isNil(addr) {
		return t
	}
	t.transport = transportOf(networkOf(addr))
	t.address, t.port = splitAddr(addr)
	return t.clean()
}

func (t target) clean() target {
	most := maxName
	if t.transport == "unix" {
		most = maxPath
	}
	t.cut = len(t.address) > most
	t.address = clean(t.address, most)
	t.transport, t.name = clean(t.transport, maxName), clean(t.name, maxName)
	return t
}

// isAddress reports whether the target is one address as it stands: nothing has to
// be looked up, and there is one to connect to.
func (t target) isAddress() bool {
	switch t.transport {
	case "tcp", "udp":
		ip, err := netip.ParseAddr(t.address)
		return err == nil && !ip.IsUnspecified()
	}
	return t.transport == "unix"
}

// networkOf is the network of an address that is not nil. Other people's
// addresses may panic, as one does that embeds a nil; then it is empty.
func networkOf(addr net.Addr) (network string) {
	defer func() {
		if recover() != nil {
			network = ""
		}
	}()
	return addr.Network()
}

// textOf is the text of an address that is not nil, empty if that panics.
func textOf(addr net.Addr) (text string) {
	defer func() {
		if recover() != nil {
			text = ""
		}
	}()
	return addr.String()
}

// splitAddr returns the host and port, or the path, of an address.
func splitAddr(addr net.Addr) (host string, port int) {
	switch a := addr.(type) {
	case *net.TCPAddr:
		return ipString(a.IP, a.Zone), a.Port
	case *net.UDPAddr:
		return ipString(a.IP, a.Zone), a.Port
	case *net.UnixAddr:
		return a.Name, 0
	}
	return splitHostPort(networkOf(addr), textOf(addr))
}

// ipString is like the methods of package net, and says where an unspecified
// address listens.
func ipString(ip net.IP, zone string) string {
	s := "::"
	if len(ip) > 0 {
		s = ip.String()
	}
	if zone != "" {
		s += "%" + zone
	}
	return s
}

// maxService is more than the length of any service's name, which RFC 6335 has
// at 15.
const maxService = 32

// splitHostPort splits host:port; what is no such pair is all host. A service's
// name is looked up as a dial does.
func splitHostPort(network, address string) (host string, port int) {
	h, p, err := net.SplitHostPort(address)
	if err != nil {
		return address, 0
	}
	if n, err := strconv.Atoi(p); err == nil {
		return h, n
	}
	if len(p) <= maxService {
		if n, err := net.LookupPort(network, p); err == nil {
			return h, n
		}
	}
	return h, 0
}

// String is the target as span names have it.
func (t target) String() string {
	if t.port == 0 {
		return t.address
	}
	if strings.Contains(t.address, ":") {
		return net.JoinHostPort(t.address, strconv.Itoa(t.port))
	}
	return t.address + ":" + strconv.Itoa(t.port)
}

// targetAttributes are what telemetry says of a target.
func targetAttributes(t target) []attribute.KeyValue {
	attrs := make([]attribute.KeyValue, 0, 5) // with room for the network type
	if t.transport != "" {
		attrs = append(attrs, keyTransport.String(t.transport))
	}
	if t.address != "" {
		attrs = append(attrs, keyServerAddress.String(t.address))
	}
	if t.port != 0 {
		attrs = append(attrs, keyServerPort.Int(t.port))
	}
	if t.name != "" {
		attrs = append(attrs, keyDialerName.String(t.name))
	}
	return attrs
}
