package otelnetstats

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// A Transport makes HTTP requests over connections that are tracked, and knows which
// request has which of them. It is made by [NewTransport] or [Tracker.Transport].
//
// It does what the *[http.Transport] does that it was made from. The span in a
// request's context and that of the connection which serves the request are linked
// to each other. [ConnFromContext] returns the connection, and [Conn.Requests] says
// how many it has served.
//
// It is safe for concurrent use. A nil Transport and a zero one do what
// [http.DefaultTransport] does, and track nothing.
type Transport struct {
	tracker *Tracker
	base    *http.Transport // for other schemes than http and https
	inner   *http.Transport // a clone of base
	config  transportConfig
	last    atomic.Pointer[lastPool]
}

var _ http.RoundTripper = (*Transport)(nil)

// NewTransport is [Tracker.Transport] of [Default]. It is the one line for net/http:
//
//	client := &http.Client{Transport: otelnetstats.NewTransport(nil)}
func NewTransport(base *http.Transport, opts ...TransportOption) *Transport {
	return Default().Transport(base, opts...)
}

// Transport returns a Transport that does what base does, over connections that t
// tracks. base is cloned and not changed; nil is [http.DefaultTransport], or what
// that is at the start of a program if it is no *http.Transport. What wraps a
// Transport goes around it, for the span of each request to be known:
//
//	otelhttp.NewTransport(tracker.Transport(base))
//
// HTTP/2, proxies, dial functions, limits and timeouts are base's. TLS is left to
// net/http, and timed by its hooks. A base with a DialTLSContext of its own that
// returns a *tls.Conn has to dial with [WrapDial] or a [Dialer] itself: TLS goes on
// top of a tracked connection. [otel.Handle] is told so once.
//
// Requests of other schemes than http and https go to base itself, as a clone does
// not know what [http.Transport.RegisterProtocol] gave it. That a RoundTripper was
// registered for one of the two cannot be seen, and it is not used. Requests whose
// context is of [ContextWithoutTracking] are not looked at.
//
// A nil Tracker tracks nothing: its Transport does what base does.
func (t *Tracker) Transport(base *http.Transport, opts ...TransportOption) *Transport {
	if base == nil {
		base = defaultTransport()
	}
	tr := &Transport{base: base, inner: clone(base)}
	for _, o := range opts {
		if o != nil {
			o.apply(&tr.config)
		}
	}
	if t.zero() {
		return tr
	}
	tr.tracker = t
	tr.dialThrough()
	return tr
}

// defaultTransport is what a nil base stands for.
func defaultTransport() *http.Transport {
	switch t := http.DefaultTransport.(type) {
	case *http.Transport:
		if t != nil {
			return t
		}
	case *Transport:
		if t != nil && t.base != nil {
			return t.base
		}
	}
	d := &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{ // as in net/http
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           d.DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          100,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
}

// clone returns a clone of base, which has HTTP/2 if base has. A clone that is given
// a dial function takes it for a reason not to have it.
func clone(base *http.Transport) *http.Transport {
	c := base.Clone() // which has base find out
	if base.TLSNextProto["h2"] != nil && c.TLSNextProto == nil {
		c.ForceAttemptHTTP2 = true
	}
	return c
}

// dialThrough has the connections dialed through the Tracker.
func (t *Transport) dialThrough() {
	t.inner.DialContext = t.wrap(dialOf(t.inner))
	t.inner.Dial = nil //nolint:staticcheck // DialContext calls it
	if dial := dialTLSOf(t.inner); dial != nil {
		t.inner.DialTLSContext = t.wrap(dial)
		t.inner.DialTLS = nil //nolint:staticcheck // likewise
	}
}

// dialOf is how a Transport of net/http dials, nil for a zero net.Dialer.
func dialOf(t *http.Transport) DialFunc {
	dial := t.Dial //nolint:staticcheck // it counts if it is there
	if t.DialContext != nil || dial == nil {
		return t.DialContext
	}
	return func(_ context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(network, address)
		if conn == nil && err == nil {
			err = errors.New("net/http: Transport.Dial hook returned (nil, nil)") // as there
		}
		return conn, err
	}
}

// dialTLSOf is how it dials with TLS on top, nil if it leaves TLS to itself.
func dialTLSOf(t *http.Transport) DialFunc {
	dial := t.DialTLS //nolint:staticcheck // it counts if it is there
	if t.DialTLSContext != nil || dial == nil {
		return t.DialTLSContext
	}
	return func(_ context.Context, network, address string) (net.Conn, error) { return dial(network, address) }
}

// wrap returns a dial function whose connections are tracked and in the pool.
func (t *Transport) wrap(dial DialFunc) DialFunc {
	d := &Dialer{Tracker: t.tracker, Name: t.config.name}
	if dial != nil {
		d.Base = dial
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := d.DialContext(ctx, network, address)
		if err == nil && !isNil(conn) {
			t.dialed(ctx, conn, address)
		}
		return conn, err
	}
}

// dialed puts a new connection into the pool.
func (t *Transport) dialed(ctx context.Context, conn net.Conn, address string) {
	c, ok := Lookup(conn)
	if !ok {
		t.dialedStranger(ctx, conn, address)
		return
	}
	if c.tracker != t.tracker {
		return
	}
	c.join(&pooled{series: t.pool(ctx, address, true), timed: t.config.timed})
	if x := exchangeIn(ctx); x != nil && !handshaken(conn) {
		x.dialed(c, t.tracker.table.get(seriesKey{kind: dials, target: newTarget("tcp", address, t.nameIn(ctx))}))
	}
}

// dialedStranger puts a connection into the pool that cannot be tracked, but was to be.
func (t *Transport) dialedStranger(ctx context.Context, conn net.Conn, address string) {
	if c, ok := conn.(*tls.Conn); ok && t.tracker.wants(ctx, "tcp", address) {
		t.tracker.strangers.add(c, &pooled{series: t.pool(ctx, address, true)})
	}
}

// nameIn is the name that a dial has.
func (t *Transport) nameIn(ctx context.Context) string { return nameIn(ctx, t.config.name) }

// pool is the series of the pool that has the connections to an address. answered
// reports whether there is one.
func (t *Transport) pool(ctx context.Context, address string, answered bool) *series {
	name := t.nameIn(ctx)
	if last := t.last.Load(); last != nil && last.address == address && last.name == name {
		return last.pool
	}
	to := newTarget("tcp", address, name)
	to.transport = "" // the conventions do not name it
	s := t.tracker.table.find(seriesKey{kind: pools, target: to}, answered)
	if answered {
		t.last.Store(&lastPool{address, name, s})
	}
	return s
}

// A lastPool is the one that a connection last came to. Many Transports have few: to
// find it in the table takes longer.
type lastPool struct {
	address, name string
	pool          *series
}

// RoundTrip does what the base does with the request, and notes which connection
// serves it. The response's Request is a copy of req, whose context leads to the
// connection: see [ConnFromContext].
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	switch {
	case t == nil || t.inner == nil:
		return http.DefaultTransport.RoundTrip(req)
	case req.URL != nil && req.URL.Scheme != "http" && req.URL.Scheme != "https":
		return t.base.RoundTrip(req)
	case t.tracker.off() || untracked(req.Context()):
		return t.inner.RoundTrip(req)
	}
	return t.roundTrip(req)
}

func (t *Transport) roundTrip(req *http.Request) (resp *http.Response, err error) {
	x := t.newExchange(req.Context())
	answered := false
	defer func() {
		if !answered { // it may be a panic of the user's hooks
			x.fail(err)
		}
	}()
	resp, err = t.inner.RoundTrip(req.WithContext(x.traced()))
	if answered = err == nil; answered {
		x.answered(resp)
	}
	return resp, err
}

// CloseIdleConnections closes connections that no request has, as
// [http.Transport.CloseIdleConnections] does. Those of base, which other schemes
// have and whoever else uses it, stay as they are.
func (t *Transport) CloseIdleConnections() {
	if t != nil && t.inner != nil {
		t.inner.CloseIdleConnections()
	}
}
