package otelnetstats

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"time"
)

// A ContextDialer opens connections. *[net.Dialer] is one, and so is [DialFunc].
type ContextDialer interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}

// DialFunc makes a [ContextDialer] of a function, as http.HandlerFunc makes a
// Handler of one.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// DialContext calls f.
func (f DialFunc) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return f(ctx, network, address)
}

// A Dialer opens connections that are tracked. The zero Dialer works: it is a
// zero [net.Dialer] tracked by [Default]. A nil *Dialer does the same.
//
// Its methods are safe for concurrent use if Base is; its fields must not be
// changed while it is used. What Base returns as an error is returned unchanged.
//
// A Dialer whose context belongs to another's dial, as in Resolver.Dial or below
// a SOCKS proxy, adds nothing to that dial's trace; its connections and dial
// times are counted as any.
type Dialer struct {
	// Base opens the connections, a zero net.Dialer if nil. If Base is a
	// *tls.Dialer, its NetDialer's connection is tracked, with TLS on top.
	Base ContextDialer
	// Tracker is told of the connections; Default() if nil.
	Tracker *Tracker
	// Name tells Dialers to the same address apart, two pools for example. It is
	// netstats.dialer.name on metrics and spans; empty, there is none.
	Name string
}

var _ ContextDialer = (*Dialer)(nil)

// DialContext opens a connection as Base does, and tracks it. The span in ctx
// is the dial span's parent.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return d.dial(ctx, network, address, nil)
}

// Dial is DialContext with a background context.
func (d *Dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

// DialTimeout is Dial with a timeout, as [net.DialTimeout]. A timeout of zero is
// none.
func (d *Dialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	if timeout == 0 {
		return d.Dial(network, address)
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

// TLS returns a function that dials with d and does the TLS handshake on top of
// the tracked connection, as [tls.Dialer] does; the handshake is timed on the
// dial span. What it returns is a *tls.Conn, and the functions of this package
// take it. A nil config is the default one. The server's name is taken from the
// address where config has none.
//
// It fits http.Transport.DialTLSContext, where config.NextProtos must have "h2"
// for HTTP/2, and dial hooks that replace a library's own TLS.
func (d *Dialer) TLS(config *tls.Config) DialFunc {
	if config == nil {
		config = &tls.Config{} //nolint:gosec // package tls has safe defaults
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		return d.dial(ctx, network, address, config)
	}
}

// A plan is how to dial: with base, and TLS on top unless config is nil.
type plan struct {
	base     ContextDialer
	config   *tls.Config
	timeout  time.Duration // of dial and handshake together, where TLS is ours
	deadline time.Time
}

// plan takes the Dialer apart.
func (d *Dialer) plan(config *tls.Config) (plan, error) {
	p := plan{base: d.base(), config: config}
	if isNil(p.base) {
		return p, fmt.Errorf("otelnetstats: dial: Dialer.Base is a nil %T; leave Base unset to dial with a zero net.Dialer", p.base)
	}
	if t, ok := p.base.(*tls.Dialer); ok {
		p = p.apart(t)
	}
	if n, ok := p.base.(*net.Dialer); ok && p.config != nil {
		p.timeout, p.deadline = n.Timeout, n.Deadline
	}
	return p, nil
}

// zeroDialer is the Base of Dialers that have none.
var zeroDialer net.Dialer

func (d *Dialer) base() ContextDialer {
	if d == nil || d.Base == nil {
		return &zeroDialer
	}
	return d.Base
}

// apart replaces a *tls.Dialer by its NetDialer with TLS on top. A config given
// to Dialer.TLS goes before the tls.Dialer's.
func (p plan) apart(t *tls.Dialer) plan {
	if p.config == nil {
		p.config = t.Config
	}
	if p.config == nil {
		p.config = &tls.Config{} //nolint:gosec // package tls has safe defaults
	}
	p.base = t.NetDialer
	if t.NetDialer == nil {
		p.base = &zeroDialer
	}
	return p
}

// pristine reports whether a TCP connection that base opens is as package net
// makes them: of plain TCP, and with nothing of the user's done to its socket.
func (p plan) pristine() bool {
	d, ok := p.base.(*net.Dialer)
	return ok && d.Control == nil && d.ControlContext == nil && !d.MultipathTCP()
}

// bound puts the time limits of a tls.Dialer on ctx.
func (p plan) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	cancel := context.CancelFunc(func() {})
	if p.timeout != 0 {
		ctx, cancel = context.WithTimeout(ctx, p.timeout)
	}
	if !p.deadline.IsZero() {
		outer := cancel
		var inner context.CancelFunc
		ctx, inner = context.WithDeadline(ctx, p.deadline)
		cancel = func() { inner(); outer() }
	}
	return ctx, cancel
}

// handshake does TLS on top of conn, which it closes if that fails.
func (p plan) handshake(ctx context.Context, conn net.Conn, address string) (*tls.Conn, error) {
	config := p.config
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName = address
		if i := strings.LastIndex(address, ":"); i >= 0 {
			config.ServerName = address[:i]
		}
	}
	c := tls.Client(conn, config)
	if err := c.HandshakeContext(ctx); err != nil {
		_ = conn.Close() // the handshake's error is the telling one
		return nil, err
	}
	return c, nil
}

// dialUntracked does what the plan says and nothing else.
func (p plan) dialUntracked(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := p.base.DialContext(ctx, network, address)
	if err != nil || conn == nil || p.config == nil {
		return conn, err
	}
	c, err := p.handshake(ctx, conn, address)
	if err != nil {
		return nil, err // not c: a nil *tls.Conn is not a nil net.Conn
	}
	return c, nil
}

func (d *Dialer) tracker() *Tracker {
	if d == nil || d.Tracker == nil {
		return Default()
	}
	return d.Tracker
}

func (d *Dialer) name() string {
	if d == nil {
		return ""
	}
	return d.Name
}

func (d *Dialer) dial(ctx context.Context, network, address string, config *tls.Config) (net.Conn, error) {
	p, err := d.plan(config)
	if err != nil {
		return nil, err
	}
	if ctx == nil {
		return p.base.DialContext(ctx, network, address) // package net panics with "nil context"
	}
	ctx, cancel := p.bound(ctx)
	defer cancel()
	t := d.tracker()
	if !t.wants(ctx, network, address) {
		return p.dialUntracked(ctx, network, address)
	}
	_, plain := p.base.(*net.Dialer)
	return t.startDial(ctx, network, address, nameIn(ctx, d.name()), plain).run(p)
}
