// Package netstatslog has the steps in connections' lives exported as log records,
// by the OpenTelemetry API for logs.
//
// There is a record when a connection is opened, marked and closed, and when a dial
// fails, with the names and attributes of the spans' events and of the connection.
// It is exported at once: a connection is in the log backend while it lives. Reads
// and writes have none.
//
// Records belong to the span of their connection or dial. Where that is not sampled,
// those alone are exported that tell of failures: failed dials, and connections that
// ended by an error, a timeout, a reset or a leak. They have severity WARN, the
// others INFO.
//
// The spans go on having their events, which OpenTelemetry will give up in time. Who
// has log records shown with spans sees both, unless
// [otelnetstats.WithSpanEvents](false) is given.
package netstatslog

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/netstats-go/netstats/internal/logevent"
	"github.com/netstats-go/netstats/otelnetstats"
)

// WithLoggerProvider has a Tracker's events exported as log records by lp. They are
// emitted in the goroutine that opens, marks or closes the connection: use a batching
// processor. A panic in lp is recovered. With a nil lp there are none.
func WithLoggerProvider(lp log.LoggerProvider) otelnetstats.Option {
	if lp == nil {
		return nil
	}
	logger := lp.Logger(otelnetstats.ScopeName, log.WithInstrumentationVersion(otelnetstats.Version), log.WithSchemaURL(otelnetstats.SchemaURL))
	return logevent.NewOption(sink{logger}).(otelnetstats.Option)
}

// A sink makes records of events.
type sink struct{ logger log.Logger }

func (s sink) Enabled(ctx context.Context, name string, failure bool) bool {
	return s.logger.Enabled(ctx, log.EnabledParameters{Severity: severity(failure), EventName: name})
}

func (s sink) Emit(ctx context.Context, e logevent.Event) {
	var r log.Record
	r.SetEventName(e.Name)
	r.SetTimestamp(e.Time)
	r.SetSeverity(severity(e.Failure))
	r.SetBody(attribute.StringValue(e.Text))
	r.AddAttributes(e.Attributes...)
	s.logger.Emit(ctx, r)
}

func severity(failure bool) log.Severity {
	if failure {
		return log.SeverityWarn
	}
	return log.SeverityInfo
}
