package otelnetstats

import (
	"net"

	"go.opentelemetry.io/otel/attribute"
)

// ScopeName is the instrumentation scope of all metrics and spans.
const ScopeName = "github.com/netstats-go/netstats/otelnetstats"

// SchemaURL is the schema of all telemetry: that of the semantic conventions whose
// names are used. They stand here as constants: each version of their package needs
// an API at least as new, and so would whoever uses this one.
const SchemaURL = "https://opentelemetry.io/schemas/1.43.0"

// Names that the semantic conventions do not have yet. The prefix is ours.
const (
	metricClientIO            = "netstats.client.io"
	metricServerIO            = "netstats.server.io"
	metricClientConnections   = "netstats.client.connection.count"
	metricServerConnections   = "netstats.server.connection.count"
	metricClientDuration      = "netstats.client.connection.duration"
	metricServerDuration      = "netstats.server.connection.duration"
	metricClientPackets       = "netstats.client.packet.count"
	metricServerPackets       = "netstats.server.packet.count"
	metricDialDuration        = "netstats.dial.duration"
	metricDialActive          = "netstats.dial.active"
	metricAccepted            = "netstats.server.connection.accepted"
	metricClientClosed        = "netstats.client.connection.closed"
	metricServerClosed        = "netstats.server.connection.closed"
	metricClientRetransmits   = "netstats.client.tcp.retransmits"
	metricServerRetransmits   = "netstats.server.tcp.retransmits"
	metricClientRTT           = "netstats.client.tcp.rtt"
	metricServerRTT           = "netstats.server.tcp.rtt"
	metricTLSDuration         = "netstats.tls.handshake.duration"
	metricLookupDuration      = "dns.lookup.duration"
	metricServers             = "netstats.distinct_server.count"
	metricServersLimit        = "netstats.distinct_server.limit"
	unitServers               = "{server}"
	unitSegments              = "{segment}"
	descriptionClosed         = "Instrumented connections that ended, by reason."
	descriptionRetransmits    = "TCP segments sent again by the kernel on instrumented connections, as known when they close and at marks."
	descriptionRTT            = "Smoothed round-trip time of instrumented TCP connections, as the kernel had it when they closed and at marks."
	descriptionTLSDuration    = "Duration of TLS handshakes on outbound connections."
	descriptionLookupDuration = "Measures the time taken to perform a DNS lookup."
	descriptionServers        = "Servers that have answered and that metrics tell apart."
	descriptionServersLimit   = "How many servers metrics can tell apart; the others are counted together as _OTHER."
	unitBytes                 = "By"
	unitConnections           = "{connection}"
	unitDials                 = "{dial}"
	unitPackets               = "{packet}"
	unitSeconds               = "s"
	descriptionIO             = "Bytes transferred by the application over instrumented connections."
	descriptionConnections    = "Instrumented connections currently open."
	descriptionDuration       = "Duration of instrumented connections, from open to close."
	descriptionPackets        = "Datagrams transferred over instrumented packet connections."
	descriptionDialDuration   = "Duration of attempts to open an outbound connection."
	descriptionDialActive     = "Attempts to open an outbound connection that are under way."
	descriptionAccepted       = "Accept results on instrumented listeners."
)

// Span events.
const (
	eventDNS     = "netstats.dns"
	eventConnect = "netstats.connect"
	eventTLS     = "netstats.tls"
	eventOpen    = "netstats.connection.open"
	eventRead    = "netstats.connection.read"
	eventWrite   = "netstats.connection.write"
	eventMark    = "netstats.connection.mark"
	eventClose   = "netstats.connection.close"

	eventDialFailed = "netstats.dial.failed" // of logs only
)

// Attributes.
const (
	keyServerAddress   = attribute.Key("server.address")
	keyServerPort      = attribute.Key("server.port")
	keyClientAddress   = attribute.Key("client.address")
	keyClientPort      = attribute.Key("client.port")
	keyPeerAddress     = attribute.Key("network.peer.address")
	keyPeerPort        = attribute.Key("network.peer.port")
	keyTransport       = attribute.Key("network.transport")
	keyNetworkType     = attribute.Key("network.type")
	keyErrorType       = attribute.Key("error.type")
	keyTLSVersion      = attribute.Key("tls.protocol.version")
	keyTLSNextProtocol = attribute.Key("tls.next_protocol")
	keyTLSResumed      = attribute.Key("tls.resumed")
	keyQuestionName    = attribute.Key("dns.question.name")
	keyLocalAddress    = attribute.Key("network.local.address")
	keyLocalPort       = attribute.Key("network.local.port")
	keyDirection       = attribute.Key("network.io.direction")

	keyDialerName                  = attribute.Key("netstats.dialer.name")
	keyDuration                    = attribute.Key("netstats.duration")
	keyDNSAddresses                = attribute.Key("netstats.dns.addresses")
	keyCaller                      = attribute.Key("netstats.caller")
	keyConnectionID                = attribute.Key("netstats.connection.id")
	keyConnectionRole              = attribute.Key("netstats.connection.role")
	keyCloseReason                 = attribute.Key("netstats.connection.close.reason")
	keyReceiveSize                 = attribute.Key("netstats.receive.size")
	keyTransmitSize                = attribute.Key("netstats.transmit.size")
	keyReceiveOperations           = attribute.Key("netstats.receive.operations")
	keyTransmitOperations          = attribute.Key("netstats.transmit.operations")
	keyEventsSuppressed            = attribute.Key("netstats.events.suppressed")
	keyReceiveSuppressedSize       = attribute.Key("netstats.receive.suppressed.size")
	keyTransmitSuppressedSize      = attribute.Key("netstats.transmit.suppressed.size")
	keyTCPRTT                      = attribute.Key("netstats.tcp.rtt")
	keyTCPRetransmits              = attribute.Key("netstats.tcp.retransmits")
	keyIOSize                      = attribute.Key("netstats.io.size")
	keyIOOperations                = attribute.Key("netstats.io.operations")
	keyMarkName                    = attribute.Key("netstats.mark.name")
	keyMarkReceiveSize             = attribute.Key("netstats.mark.receive.size")
	keyMarkTransmitSize            = attribute.Key("netstats.mark.transmit.size")
	keyMarkDuration                = attribute.Key("netstats.mark.duration")
	keyCaptureGenerator            = attribute.Key("netstats.capture.generator") // of the scope
	keyTurnDuration                = attribute.Key("netstats.turn.duration")
	keyConnectionPart              = attribute.Key("netstats.connection.part")
	keyConnectionDuration          = attribute.Key("netstats.connection.duration")
	keyConnectionReceiveSize       = attribute.Key("netstats.connection.receive.size")
	keyConnectionTransmitSize      = attribute.Key("netstats.connection.transmit.size")
	keyMarksSuppressed             = attribute.Key("netstats.marks.suppressed.count")
	keyMarksSuppressedReceiveSize  = attribute.Key("netstats.marks.suppressed.receive.size")
	keyMarksSuppressedTransmitSize = attribute.Key("netstats.marks.suppressed.transmit.size")
	keyTraceID                     = attribute.Key("trace_id")
	keySpanID                      = attribute.Key("span_id")
)

// What users may not set by options: the names of the semantic conventions, and
// on metrics the one of ours.
var (
	standardKeys = []attribute.Key{
		keyServerAddress, keyServerPort, keyClientAddress, keyClientPort, keyPeerAddress, keyPeerPort,
		keyTransport, keyNetworkType, keyErrorType, keyTLSVersion, keyTLSNextProtocol, keyTLSResumed,
		keyDirection, keyQuestionName, keyLocalAddress, keyLocalPort,
	}
	metricKeys = []attribute.Key{keyDialerName}
)

var (
	directionReceive  = keyDirection.String("receive")
	directionTransmit = keyDirection.String("transmit")
)

// otherValue stands for all values of an attribute that are past a cap, as the
// conventions have it.
const otherValue = "_OTHER"

// Bucket boundaries, in seconds. They are few, as each is a series for each server.
// Those of lookups are the conventions'. The round-trip time has one, as SDKs take
// none for their default ones: sum and count tell the mean.
var (
	connectionBuckets = []float64{.001, .01, .1, 1, 10, 60, 600, 3600, 43200}
	dialBuckets       = []float64{.0005, .001, .005, .01, .05, .1, .5, 1, 10}
	tlsBuckets        = []float64{.005, .01, .05, .1, .5, 1}
	lookupBuckets     = []float64{.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10}
	rttBuckets        = []float64{.1}
)

// transportOf maps a network's name to network.transport.
func transportOf(network string) string {
	switch network {
	case "tcp", "tcp4", "tcp6":
		return "tcp"
	case "udp", "udp4", "udp6":
		return "udp"
	case "unix", "unixgram", "unixpacket":
		return "unix"
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
		return "ipv4"
	}
	return "ipv6"
}
