package otelnetstats

import (
	"context"
	"crypto/tls"
	"net"
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
