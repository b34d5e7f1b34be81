package otelnetstats

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"time"
)

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
