package ledger

import (
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/netstats-go/netstats/otelnetstats"
)

// A tracker is a Tracker with its telemetry, which is compared with the counts of
// its connections.
type tracker struct {
	run     *run
	tracker *otelnetstats.Tracker
	dialer  *otelnetstats.Dialer
	metrics *metrics

	observed  bool // there are spans and callbacks
	spans     spans
	callbacks callbackBytes
}

func newTracker(run *run, observed bool) *tracker {
	t := &tracker{run: run, metrics: newMetrics(run), observed: observed}
	opts := []otelnetstats.Option{otelnetstats.WithMeterProvider(t.metrics.provider)}
	if observed {
		opts = append(opts,
			otelnetstats.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(&t.spans))),
			otelnetstats.WithCallback(&t.callbacks))
	} else {
		opts = append(opts, otelnetstats.WithConnectionSpan(otelnetstats.ConnectionSpanOff))
	}
	var err error
	if t.tracker, err = otelnetstats.New(opts...); err != nil {
		run.t.Fatalf("New: %v", err)
	}
	t.dialer = &otelnetstats.Dialer{Tracker: t.tracker}
	return t
}

// dial returns the client's endpoint of a new connection, nil if the dial failed.
func (t *tracker) dial(name, address string) *endpoint {
	conn, err := t.dialer.Dial("tcp", address)
	if !t.run.succeeded("dial", err) {
		return nil
	}
	return newEndpoint(t, name, conn)
}

// finished compares the counts of an endpoint with its span and with callbacks,
// and adds them to the sums. Calls that had not returned when the connection was
// closed may be missing in the telemetry; exact says that there were none.
func (t *tracker) finished(e *endpoint, exact bool) {
	counted := e.counted()
	t.metrics.add(e.record.Role(), counted)
	if !t.observed {
		return
	}
	for what, got := range map[string]counts{
		"the span": t.spans.take(e), "callbacks": t.callbacks.take(e),
	} {
		for _, d := range directions {
			if got[d] > counted[d] || exact && got[d] != counted[d] {
				e.errorf("%v: counted %d, %s had %d", d, counted[d], what, got[d])
			}
		}
	}
}

// finish checks the metrics. All connections must have ended.
func (t *tracker) finish() { t.metrics.check() }
