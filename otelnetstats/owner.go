package otelnetstats

import (
	"context"

	"go.opentelemetry.io/otel/trace"

	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/tcpinfo"
)

// An owner is a Conn as its record knows it: these methods are not for users.
type owner Conn

var _ connstat.Owner = (*owner)(nil)

// connOf returns the connection that a record is of.
func connOf(rec *connstat.Record) *Conn { return (*Conn)(rec.Owner.(*owner)) }

// Ended implements [connstat.Owner]. It tells the callbacks while the connection
// is open.
func (o *owner) Ended(info tcpinfo.Info, asked bool) {
	c := (*Conn)(o)
	defer c.tellEnded(info, asked) // with what callbacks marked
	c.tellWritev()
	c.noteTCP(info, asked)
	if callbacks := c.tracker.cfg.callbacks; len(callbacks.all) > 0 {
		callbacks.close(c.context(), c)
	}
}

// noteTCP notes what the kernel said of the connection, if it was asked.
func (c *Conn) noteTCP(info tcpinfo.Info, asked bool) {
	if !asked {
		return
	}
	retransmits := info.Retransmits
	if c.journal != nil {
		retransmits = c.journal.noteTCP(info)
	}
	c.recordTCP(info.RTT, retransmits)
}

// Closed implements [connstat.Owner]. It ends the span and records the duration,
// which may wait for an exporter.
func (o *owner) Closed() {
	c := (*Conn)(o)
	defer c.tracker.open.Remove(&c.rec)
	c.leave()
	// All is done, also if a provider ends the goroutine.
	defer func() {
		if m := c.member.Load(); m != nil && m.capture != nil {
			m.capture.ended(c)
		}
	}()
	defer guard("the MeterProvider", c.recordDuration)
	defer guard("the TracerProvider", c.endSpans)
	c.logClose()
}

// Revealed implements [connstat.Owner].
func (o *owner) Revealed(conn, wrapper any) { alias(conn, (*Conn)(o), wrapper) }

// live is the span of the part of the connection's life that goes on.
func (c *Conn) live() trace.Span {
	if later := c.later(); later != nil {
		return later.span
	}
	return c.span
}

// later is that span with its context, nil if it is the first.
func (c *Conn) later() *laterSpan {
	if c.journal == nil {
		return nil
	}
	return c.journal.later.Load()
}

// context is a background context with the connection's live span.
func (c *Conn) context() context.Context {
	return trace.ContextWithSpan(context.Background(), c.live())
}

// exemplarContext is the context to record a metric with: one that has the span,
// if an exemplar can lead to it, and nothing of the user's, as SDKs may keep it.
func exemplarContext(span trace.Span) context.Context {
	if !span.SpanContext().IsSampled() {
		return context.Background()
	}
	return trace.ContextWithSpan(context.Background(), span)
}

// tellWritev tells IOCallbacks of the bytes that writev moved past the wrapper
// since they were last told.
func (c *Conn) tellWritev() {
	if len(c.tracker.cfg.callbacks.io) == 0 {
		return
	}
	if n := c.untold(); n > 0 {
		c.tracker.cfg.callbacks.write(c.context(), c, int(n))
	}
}

// untold returns the bytes that tellWritev is to tell of, each of them once.
// While a write is in flight they may seem to be fewer than were told already.
func (c *Conn) untold() int64 {
	for {
		told, unwatched := c.told.Load(), c.rec.Unwatched()
		if unwatched <= told {
			return 0
		}
		if c.told.CompareAndSwap(told, unwatched) {
			return unwatched - told
		}
	}
}
