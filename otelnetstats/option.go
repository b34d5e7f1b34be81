package otelnetstats

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/netstats-go/netstats/internal/logevent"
)

// An Option configures a [Tracker]. Options are made by the With functions.
type Option interface {
	apply(*config)
}

// config is a Tracker's, and does not change after New.
type config struct {
	tracerProvider   trace.TracerProvider // nil: the global one, asked for when needed
	meterProvider    metric.MeterProvider // nil: likewise
	callbacks        callbacks
	spanAttributes   []attribute.KeyValue
	metricAttributes []attribute.KeyValue
	filter           func(ctx context.Context, network, address string) bool
	connectionSpan   ConnectionSpan
	maxServers       int
	accepted         bool
	caller           bool
	dialStacks       bool
	maxSpanAge       time.Duration
	noSpanEvents     bool
	events           logevent.Sink // nil if nobody wants them
	errs             []error
}

const defaultMaxServers = 200

func newConfig(opts []Option) config {
	c := config{maxServers: defaultMaxServers, maxSpanAge: defaultPart}
	for _, o := range opts {
		if o != nil {
			o.apply(&c)
		}
	}
	return c
}

func (c *config) tracers() trace.TracerProvider {
	if c.tracerProvider != nil {
		return c.tracerProvider
	}
	return otel.GetTracerProvider()
}

func (c *config) meters() metric.MeterProvider {
	if c.meterProvider != nil {
		return c.meterProvider
	}
	return otel.GetMeterProvider()
}

type optionFunc func(*config)

func (f optionFunc) apply(c *config) { f(c) }

// WithTracerProvider has spans made by tp instead of the global TracerProvider.
// A nil tp is ignored.
func WithTracerProvider(tp trace.TracerProvider) Option {
	return optionFunc(func(c *config) {
		if tp != nil {
			c.tracerProvider = tp
		}
	})
}

// WithMeterProvider has metrics made by mp instead of the global MeterProvider.
// A nil mp is ignored.
func WithMeterProvider(mp metric.MeterProvider) Option {
	return optionFunc(func(c *config) {
		if mp != nil {
			c.meterProvider = mp
		}
	})
}

// WithCallback has cb told of the steps in each connection's life, and of each
// read and write if it is an [IOCallback]. It may be given several times; the
// callbacks are called in that order. A nil cb is ignored.
func WithCallback(cb Callback) Option {
	return optionFunc(func(c *config) {
		if cb == nil {
			return
		}
		c.callbacks.all = append(c.callbacks.all, cb)
		if io, ok := cb.(IOCallback); ok {
			c.callbacks.io = append(c.callbacks.io, io)
		}
	})
}

// WithSpanAttributes adds attributes to dial and connection spans. They are
// there at the start of the span, where a sampler sees them. Empty names, and
// those of the semantic conventions that this package sets, such as
// server.address, are refused with an error; of other names yours win. Values
// are cut at 1,024 bytes.
func WithSpanAttributes(attrs ...attribute.KeyValue) Option {
	return optionFunc(func(c *config) {
		c.spanAttributes = append(c.spanAttributes, c.accept("WithSpanAttributes", attrs, standardKeys)...)
	})
}

// WithMetricAttributes adds attributes to all metrics. Empty names, and those
// that this package sets, are refused with an error. Values are cut at 1,024
// bytes.
func WithMetricAttributes(attrs ...attribute.KeyValue) Option {
	return optionFunc(func(c *config) {
		c.metricAttributes = append(c.metricAttributes, c.accept("WithMetricAttributes", attrs, standardKeys, metricKeys)...)
	})
}

// accept returns those of a user's attributes whose names are not taken.
func (c *config) accept(option string, attrs []attribute.KeyValue, taken ...[]attribute.Key) []attribute.KeyValue {
	return slices.DeleteFunc(cleanAttributes(attrs), func(a attribute.KeyValue) bool {
		switch {
		case a.Key == "":
			c.errs = append(c.errs, fmt.Errorf("otelnetstats: %s: an attribute has no name", option))
		case slices.Contains(slices.Concat(taken...), a.Key):
			c.errs = append(c.errs, fmt.Errorf("otelnetstats: %s: the attribute %s is set by this package; use another name", option, a.Key))
		default:
			return false
		}
		return true
	})
}

// WithFilter has only those connections dialed by a [Dialer], and those of a
// [Capture], tracked for which track returns true. It is called before each
// dial, with the dial's context, and must be safe for concurrent use. A nil
// filter is ignored. If it panics, the connection is not tracked.
func WithFilter(track func(ctx context.Context, network, address string) bool) Option {
	return optionFunc(func(c *config) {
		if track != nil {
			c.filter = track
		}
	})
}

// ConnectionSpan says how the span of a connection's life relates to others.
type ConnectionSpan int

const (
	// ConnectionSpanLinked makes the span the root of a trace of its own, linked to
	// the dial span, or to the span in the context of Register. A connection that
	// outlives a request does not stretch the request's trace. It is the default.
	ConnectionSpanLinked ConnectionSpan = iota
	// ConnectionSpanChild makes it a child of the dial span, or of the span in the
	// context of Register. It suits connections that serve one request.
	ConnectionSpanChild
	// ConnectionSpanOff makes no span of a connection's life. Dial spans are still
	// made.
	ConnectionSpanOff
)

// WithConnectionSpan sets how the span of a connection's life relates to others.
func WithConnectionSpan(s ConnectionSpan) Option {
	return optionFunc(func(c *config) {
		if s < ConnectionSpanLinked || s > ConnectionSpanOff {
			c.errs = append(c.errs, fmt.Errorf("otelnetstats: WithConnectionSpan(%d): unknown value; use ConnectionSpanLinked, ConnectionSpanChild or ConnectionSpanOff", s))
			return
		}
		c.connectionSpan = s
	})
}

// WithSpanEvents sets whether spans have events: they have, unless set to false. It
// is for those who have the events as log records, and would see them twice.
func WithSpanEvents(on bool) Option {
	return optionFunc(func(c *config) { c.noSpanEvents = !on })
}

// WithMaxSpanAge sets how long the span of a connection's life lasts at most before
// it ends and another one goes on, a child of the first: 10 minutes unless set. The
// first one ends after 55 seconds at the latest. So long connections are seen while
// they are open, nothing of their middle is lost, and a crash leaves what was. With 0
// there is one span from open to close, however long.
//
// It has no effect on spans that are children, and on connections whose clock is not
// the Tracker's, as one is in a bubble of testing/synctest. A Tracker in a bubble has a
// timer there, so that the bubble is not found to be deadlocked; with 0 it has none.
func WithMaxSpanAge(d time.Duration) Option {
	return optionFunc(func(c *config) {
		if d < 0 {
			c.errs = append(c.errs, fmt.Errorf("otelnetstats: WithMaxSpanAge(%v): the duration must not be negative; 0 is one span from open to close", d))
			return
		}
		c.maxSpanAge = d
	})
}

// WithMaxServers sets how many distinct servers (server.address and server.port)
// metrics tell apart: 200 unless set. Those seen later are counted together
// under the server.address _OTHER.
func WithMaxServers(n int) Option {
	return optionFunc(func(c *config) {
		if n < 0 {
			c.errs = append(c.errs, errors.New("otelnetstats: WithMaxServers: the number of servers must not be negative"))
			return
		}
		c.maxServers = n
	})
}

// WithCaller has [Conn.Caller] tell which package opened a connection, and the
// span of the dial and the connection's by their attribute netstats.caller. It
// costs a walk up the stack at each dial, about a microsecond.
func WithCaller() Option {
	return optionFunc(func(c *config) { c.caller = true })
}

// WithDialStacks has the stack kept with which each connection was opened: of the
// dial, or of Register. Package connz shows it, and makes the profile of it that go
// tool pprof reads. It costs a walk up the stack at each dial, which WithCaller shares,
// and takes about 500 bytes for each place in the program that dials. At most 1,024
// of them are told apart, by the innermost 32 calls.
func WithDialStacks() Option {
	return optionFunc(func(c *config) { c.dialStacks = true })
}

// WithAccepted has a [Capture] track accepted connections, too.
func WithAccepted() Option {
	return optionFunc(func(c *config) { c.accepted = true })
}
