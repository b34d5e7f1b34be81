package otelnetstats

import (
	"context"
	"syscall"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/netstats-go/netstats/internal/tcpinfo"
)

// Mark gives a name to this point of a tracked connection's life, and returns
// the bytes and the time since the latest of open, previous mark and reset. It
// returns false, and does nothing, if conn is not tracked.
//
// The mark is kept in [Stats], is an event on the connection's span, and is told
// to callbacks. If ctx has a sampled span, it is linked to the connection's and the
// event says which span it was. The connection's is linked back, to the first 32 such
// spans. With a span in parts, that is so for each of them. attrs are the user's; they are on the
// event, never on metrics. The name is kept in at most 255 bytes, each value in
// at most 1,024, and 128 attributes; what is no UTF-8 is replaced.
//
// It is safe for concurrent use. A mark counts the calls that have returned.
func Mark(ctx context.Context, conn Endpoint, name string, attrs ...attribute.KeyValue) (Lap, bool) {
	c, hop := locate(conn)
	if c == nil {
		return Lap{}, false
	}
	c.askTCP(hop)
	return c.mark(ctx, name, attrs), true
}

// askTCP asks the kernel about a connection of which the record has no means to:
// in a capture build it has no wrapper.
func (c *Conn) askTCP(conn any) {
	if c.journal == nil || c.rec.Reconciled() {
		return
	}
	s, ok := conn.(syscall.Conn)
	if !ok {
		return
	}
	if raw, err := s.SyscallConn(); err == nil {
		c.noteTCP(tcpinfo.Of(raw))
	}
}

func (c *Conn) mark(ctx context.Context, name string, attrs []attribute.KeyValue) Lap {
	if ctx == nil {
		ctx = context.Background()
	}
	if c.journal == nil {
		c.rec.Sample()
	} else {
		c.noteTCP(c.rec.Ask())
	}
	c.tellWritev()
	lap := c.lap(trace.SpanFromContext(ctx), name, attrs)
	c.tracker.cfg.callbacks.mark(context.WithoutCancel(ctx), c, lap)
	return lap
}

// lap makes the mark, and ties the marking span and the connection's to each other,
// where both are sampled: a link to a span that is not leads nowhere.
func (c *Conn) lap(by trace.Span, name string, attrs []attribute.KeyValue) Lap {
	if c.journal == nil {
		m, lap := c.past().add(c.read, name, attrs, by.SpanContext())
		c.logMark(c.span, m)
		return lap
	}
	m, lap, live, back := c.journal.mark(c.past(), c.read, name, attrs, by.SpanContext())
	if back {
		by.AddLink(trace.Link{SpanContext: live.SpanContext()})
	}
	c.logMark(live, m)
	return lap
}

// link links a span and the connection's to each other, as a mark does.
func (c *Conn) link(by trace.Span) {
	if c.journal == nil {
		return
	}
	if live, back := c.journal.link(by.SpanContext()); back {
		by.AddLink(trace.Link{SpanContext: live.SpanContext()})
	}
}

// event is the mark as an event of the connection's span.
func (m *mark) event(opened time.Time) spanEvent {
	attrs := []attribute.KeyValue{
		keyMarkName.String(m.name),
		keyMarkReceiveSize.Int64(m.lap[0]),
		keyMarkTransmitSize.Int64(m.lap[1]),
		keyMarkDuration.Float64(m.since.Seconds()),
	}
	if m.more != nil {
		if by := m.more.by; by.IsValid() {
			attrs = append(attrs,
				keyTraceID.String(by.TraceID().String()),
				keySpanID.String(by.SpanID().String()))
		}
		attrs = append(attrs, m.more.attrs...)
	}
	return spanEvent{eventMark, opened.Add(m.at), attrs}
}
