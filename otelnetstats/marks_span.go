package otelnetstats

import (
	"context"
	"sync"
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
// to callbacks. If ctx has a sampled span, that span and the connection's are
// linked to each other, once per pair and at most 32 times on one connection,
// and the event says which span it was. attrs are the user's; they are on the
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
	if c.journal != nil {
		c.journal.pause()
	}
	lap := c.past().add(c.read, name, attrs, c.link(ctx))
	c.tracker.cfg.callbacks.mark(context.WithoutCancel(ctx), c, lap)
	return lap
}

// maxLinks bounds the links on one connection's span: the SDK keeps 128 and
// evicts the oldest, which may be the user's own.
const maxLinks = 32

// links are the spans that a connection's span is linked to.
type links struct {
	mu    sync.Mutex
	spans []linkedSpan
}

type linkedSpan struct {
	id   trace.SpanID
	back bool // it is linked to the connection's, too
}

// begin notes the span that the connection's was linked to at its start.
func (l *links) begin(id trace.SpanID) {
	if id.IsValid() {
		l.spans = append(l.spans, linkedSpan{id: id})
	}
}

// add says which links of a pair are new, and fit.
func (l *links) add(id trace.SpanID) (forth, back bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.spans {
		if s := &l.spans[i]; s.id == id {
			back, s.back = !s.back, true
			return false, back
		}
	}
	if len(l.spans) >= maxLinks {
		return false, false
	}
	l.spans = append(l.spans, linkedSpan{id: id, back: true})
	return true, true
}

// link ties the span in ctx and the connection's to each other, where both are
// sampled: a link to a span that is not leads nowhere. It returns the marker's.
func (c *Conn) link(ctx context.Context) trace.SpanContext {
	marker := trace.SpanFromContext(ctx)
	mc := marker.SpanContext()
	if !mc.IsValid() {
		return trace.SpanContext{}
	}
	cc := c.span.SpanContext()
	if c.journal == nil || mc.SpanID() == cc.SpanID() || !mc.IsSampled() || !cc.IsSampled() {
		return mc
	}
	forth, back := c.journal.links.add(mc.SpanID())
	if forth {
		c.span.AddLink(trace.Link{SpanContext: mc})
	}
	if back {
		marker.AddLink(trace.Link{SpanContext: cc})
	}
	return mc
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
