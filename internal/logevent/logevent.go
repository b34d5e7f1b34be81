// Package logevent is what package otelnetstats and its module for log events
// share. The API for logs is not a dependency of otelnetstats: its oldest stable
// version would raise the OpenTelemetry of everybody who uses that package.
package logevent

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

// An Event is a step in a connection's life, as a log record has it.
type Event struct {
	Name       string
	Time       time.Time
	Text       string // for people
	Failure    bool
	Attributes []attribute.KeyValue // belong to the sink
}

// A Sink takes events. It is called in the goroutine of the step, with a context
// that has the span that the event belongs to. It is safe for concurrent use.
type Sink interface {
	// Enabled reports whether such events are wanted.
	Enabled(ctx context.Context, name string, failure bool) bool
	Emit(ctx context.Context, e Event)
}

// NewOption returns an otelnetstats.Option that has a Tracker's events given to a
// sink. Package otelnetstats sets it.
var NewOption func(Sink) any
