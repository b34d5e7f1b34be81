package otelnetstats

import (
	"net"

	"go.opentelemetry.io/otel/attribute"
)

// Names, units, boundaries and values are made of semconv/registry, their one source.
//
//go:generate go -C ../tools run ./semconvgen

// ScopeName is the instrumentation scope of all metrics and spans.
const ScopeName = "github.com/netstats-go/netstats/otelnetstats"

// SchemaURL is the schema of all telemetry: that of the semantic conventions whose
// names are used. The names are constants of this package: each version of the
// conventions' package needs an API at least as new, and so would whoever uses this
// one.
const SchemaURL = "https://opentelemetry.io/schemas/1.43.0"

// metricKeys are what users may not set on metrics, beside standardKeys.
var metricKeys = []attribute.Key{keyDialerName}

var (
	directionReceive  = keyDirection.String(valueDirectionReceive)
	directionTransmit = keyDirection.String(valueDirectionTransmit)

	stateActive = keyConnectionState.String(valueConnectionStateActive)
	stateIdle   = keyConnectionState.String(valueConnectionStateIdle)
)

// otherValue stands for all values of an attribute that are past a cap, as the
// conventions have it.
const otherValue = "_OTHER"

// transportOf maps a network's name to network.transport.
func transportOf(network string) string {
	switch network {
	case "tcp", "tcp4", "tcp6":
		return valueTransportTCP
	case "udp", "udp4", "udp6":
		return valueTransportUDP
	case "unix", "unixgram", "unixpacket":
		return valueTransportUnix
	}
	return network // "pipe" among them
}

// networkTypeOf is network.type of an address: empty if it is no IP address.
func networkTypeOf(addr net.Addr) string {
	var ip net.IP
	switch a := addr.(type) {
	case *net.TCPAddr:
		if a != nil {
			ip = a.IP
		}
	case *net.UDPAddr:
		if a != nil {
			ip = a.IP
		}
	case *net.IPAddr:
		if a != nil {
			ip = a.IP
		}
	}
	switch {
	case ip == nil:
		return ""
	case ip.To4() != nil:
		return valueNetworkTypeIPv4
	}
	return valueNetworkTypeIPv6
}
