package benchmarks_test

import (
	"context"
	"net"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// hand does by calls of OpenTelemetry what comes nearest to a tracked
// connection: a span for the dial and one for the connection, their durations,
// the number of open connections, and a counter that each Read and Write adds
// to. Attribute sets are made once. Events, marks, close reasons, fast paths and
// the bytes of net.Buffers are left out.
type hand struct {
	base                   dialer
	tracer                 trace.Tracer
	io                     metric.Int64Counter
	open                   metric.Int64UpDownCounter
	dialTime, duration     metric.Float64Histogram
	server                 trace.SpanStartEventOption
	receive, transmit, set metric.MeasurementOption
}

func newHand(b *testing.B, base dialer, p providers) *hand {
	b.Helper()
	attrs := []attribute.KeyValue{
		attribute.String("network.transport", "tcp"),
		attribute.String("server.address", "127.0.0.1"),
		attribute.Int("server.port", 80),
	}
	with := func(attrs ...attribute.KeyValue) metric.MeasurementOption {
		return metric.WithAttributeSet(attribute.NewSet(attrs...))
	}
	h := &hand{
		base:     base,
		tracer:   p.spans.Tracer("by hand"),
		server:   trace.WithAttributes(attrs...),
		set:      with(attrs...),
		receive:  with(append(attrs, attribute.String("network.io.direction", "receive"))...),
		transmit: with(append(attrs, attribute.String("network.io.direction", "transmit"))...),
	}
	m := p.metrics.Meter("by hand")
	var errs [4]error
	h.io, errs[0] = m.Int64Counter("io")
	h.open, errs[1] = m.Int64UpDownCounter("open")
	h.dialTime, errs[2] = m.Float64Histogram("dial")
	h.duration, errs[3] = m.Float64Histogram("duration")
	for _, err := range errs {
		if err != nil {
			b.Fatal(err)
		}
	}
	return h
}

func (h *hand) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	start := time.Now()
	ctx, span := h.tracer.Start(ctx, "dial", h.server)
	defer span.End()
	conn, err := h.base.DialContext(ctx, network, address)
	h.dialTime.Record(ctx, time.Since(start).Seconds(), h.set)
	if err != nil {
		return nil, err
	}
	return h.wrap(ctx, conn), nil
}

func (h *hand) wrap(ctx context.Context, conn net.Conn) net.Conn {
	h.open.Add(ctx, 1, h.set)
	_, span := h.tracer.Start(ctx, "connection", h.server,
		trace.WithNewRoot(),
		trace.WithLinks(trace.LinkFromContext(ctx)),
		trace.WithAttributes(attribute.String("network.peer.address", conn.RemoteAddr().String())))
	return &handConn{Conn: conn, hand: h, span: span, opened: time.Now()}
}

type handConn struct {
	net.Conn
	hand           *hand
	span           trace.Span
	opened         time.Time
	received, sent int64
}

func (c *handConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.received += int64(n)
	c.hand.io.Add(context.Background(), int64(n), c.hand.receive)
	return n, err
}

func (c *handConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.sent += int64(n)
	c.hand.io.Add(context.Background(), int64(n), c.hand.transmit)
	return n, err
}

func (c *handConn) Close() error {
	err := c.Conn.Close()
	ctx := context.Background()
	c.hand.open.Add(ctx, -1, c.hand.set)
	c.hand.duration.Record(ctx, time.Since(c.opened).Seconds(), c.hand.set)
	c.span.SetAttributes(attribute.Int64("received", c.received), attribute.Int64("sent", c.sent))
	c.span.End()
	return err
}
