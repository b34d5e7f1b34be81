package bridge

import (
	"context"
	"net"
	"sync/atomic"

	"github.com/netstats-go/netstats/internal/connstat"
)

// translate is what TranslateContexts was given.
var translate atomic.Pointer[func(context.Context) context.Context]

// TranslateContexts has hooks get f(ctx) where package net has ctx, from now on. f
// must return what comes from ctx. It is for contexts of which the program knows
// more than the library: whoever linked this library into it may have done so
// beside another OpenTelemetry.
func TranslateContexts(f func(context.Context) context.Context) { translate.Store(&f) }

func translated(ctx context.Context) context.Context {
	if f := translate.Load(); f != nil {
		return (*f)(ctx)
	}
	return ctx
}

// translated are hooks that do what h does, in translated contexts.
func (h *Hooks) translated() *Hooks {
	t := *h
	if h.Dial != nil {
		t.Dial = func(ctx context.Context, network, address string) (context.Context, func(net.Conn, error)) {
			return h.Dial(translated(ctx), network, address)
		}
	}
	if h.Socket != nil {
		t.Socket = func(ctx context.Context, kind Kind, network string, local, remote net.Addr) func(local, remote net.Addr, err error) *connstat.Record {
			return h.Socket(translated(ctx), kind, network, local, remote)
		}
	}
	return &t
}
