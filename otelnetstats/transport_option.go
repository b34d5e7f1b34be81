package otelnetstats

// A TransportOption configures a [Transport].
type TransportOption interface {
	apply(*transportConfig)
}

// transportConfig is a Transport's, and does not change after it was made.
type transportConfig struct {
	name  string
	marks bool
	timed bool
}

type transportOptionFunc func(*transportConfig)

func (f transportOptionFunc) apply(c *transportConfig) { f(c) }

// WithTransportName has a [Transport] dial under a name, as [Dialer].Name does. It
// tells several Transports to the same server apart: netstats.dialer.name is on
// their spans and metrics.
func WithTransportName(name string) TransportOption {
	return transportOptionFunc(func(c *transportConfig) { c.name = name })
}

// WithRequestMarks has a [Transport] mark the connection at three points of each
// request: “request sent”, “first byte” of the response, and “body done”. So the
// laps between them are the time that the server took and the time that the response
// took, with their bytes. While a connection has several requests, as with HTTP/2,
// a lap counts what all of them moved; its attribute netstats.http.active_requests
// says how many there were. The first mark is left out where something of the
// response was there before net/http told that the request was sent, as can be with
// HTTP/2.
func WithRequestMarks() TransportOption {
	return transportOptionFunc(func(c *transportConfig) { c.marks = true })
}

// WithHTTPConnectionDuration has a [Transport] record http.client.connection.duration,
// which the conventions have, and which netstats.client.connection.duration repeats
// with more attributes.
func WithHTTPConnectionDuration() TransportOption {
	return transportOptionFunc(func(c *transportConfig) { c.timed = true })
}
