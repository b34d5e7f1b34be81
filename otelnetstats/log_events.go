package otelnetstats

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/logevent"
)

func init() {
	logevent.NewOption = func(sink logevent.Sink) any {
		return optionFunc(func(c *config) { c.events = sink })
	}
}

// log has an event of a span exported, if it is wanted. ctx is what it comes from.
// Where spans are sampled, the events of the others are there for failures only.
func (t *Tracker) log(ctx context.Context, span trace.Span, name string, failure bool, event func() logevent.Event) {
	if t.cfg.events == nil {
		return
	}
	if sc := span.SpanContext(); sc.IsValid() && !sc.IsSampled() && !failure {
		return
	}
	guard("the LoggerProvider", func() {
		ctx := trace.ContextWithSpan(context.WithoutCancel(ctx), span)
		if t.cfg.events.Enabled(ctx, name, failure) {
			e := event()
			e.Name, e.Failure = name, failure
			t.cfg.events.Emit(ctx, e)
		}
	})
}

// logOpen tells that the connection is open.
func (c *Conn) logOpen() {
	c.tracker.log(context.Background(), c.live(), eventOpen, false, func() logevent.Event {
		return logevent.Event{Time: c.rec.Opened, Text: c.series.spanName + " opened", Attributes: c.identity()}
	})
}

// logMark tells of a mark. live is the span of the part that has it.
func (c *Conn) logMark(live trace.Span, m mark) {
	c.tracker.log(context.Background(), live, eventMark, false, func() logevent.Event {
		e := m.event(c.rec.Opened)
		return logevent.Event{Time: e.at, Text: c.series.spanName + ": " + m.name, Attributes: append(c.identity(), e.attrs...)}
	})
}

// logClose tells that the connection is closed, and what it was.
func (c *Conn) logClose() {
	c.tracker.log(context.Background(), c.live(), eventClose, c.fault() != nil, func() logevent.Event {
		received, sent := c.rec.Flows()
		lasted := connstat.Since(c.rec.Opened)
		attrs := append(c.identity(), c.ending()...)
		attrs = append(attrs,
			keyConnectionReceiveSize.Int64(received.Bytes),
			keyConnectionTransmitSize.Int64(sent.Bytes),
			keyConnectionDuration.Float64(lasted.Seconds()))
		return logevent.Event{
			Time:       c.rec.Opened.Add(lasted),
			Text:       c.series.spanName + " closed: " + string(c.CloseReason()),
			Attributes: attrs,
		}
	})
}

// identity says which connection it is, as its span does.
func (c *Conn) identity() []attribute.KeyValue {
	attrs := appendLocal(make([]attribute.KeyValue, 0, 20), c.rec.Local)
	return c.tracker.appendConnectionAttributes(attrs, c.opening(), c.rec.ID)
}

// logFailure tells that the dial failed.
func (d *dial) logFailure(err error) {
	d.tracker.log(d.parent, trace.SpanFromContext(d.ctx), eventDialFailed, true, func() logevent.Event {
		return logevent.Event{
			Time:       d.start.Add(d.took),
			Text:       d.series.spanName + " failed: " + errorText(err),
			Attributes: append(d.attributes(), failure(err), keyDuration.Float64(d.took.Seconds())),
		}
	})
}
