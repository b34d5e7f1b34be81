package providers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/stdout/stdoutmetric"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/netstats-go/netstats/cmd/netstats/auto"
	"github.com/netstats-go/netstats/otelnetstats"
)

// Exporters make what the environment asks for. A nil exporter or reader exports
// nothing. "console" they are not asked for.
type Exporters struct {
	Spans   func(context.Context) (sdktrace.SpanExporter, error)
	Metrics func(context.Context) (sdkmetric.Reader, error)
}

// The variables that choose one of them.
const (
	TracesVariable  = "OTEL_TRACES_EXPORTER"
	MetricsVariable = "OTEL_METRICS_EXPORTER"
)

// New sets the SDK up, and the handler of its errors: this OpenTelemetry is a copy
// that the program knows nothing of. With an error come providers that work
// without what failed.
func (e Exporters) New(ctx context.Context) (*auto.Providers, error) {
	complaints := newComplaints()
	otel.SetErrorHandler(complaints)
	res, resourceErr := newResource(ctx)
	traces := []sdktrace.TracerProviderOption{sdktrace.WithResource(res)}
	metrics := []sdkmetric.Option{sdkmetric.WithResource(res)}
	exporter, traceErr := e.newSpanExporter(ctx)
	if exporter != nil && traceErr == nil {
		traces = append(traces, sdktrace.WithBatcher(quietly{exporter}))
	}
	reader, metricErr := e.newMetricReader(ctx)
	if reader != nil && metricErr == nil {
		metrics = append(metrics, sdkmetric.WithReader(reader))
	}
	tracers, meters := sdktrace.NewTracerProvider(traces...), sdkmetric.NewMeterProvider(metrics...)
	return &auto.Providers{
		Tracers:  tracers,
		Meters:   meters,
		Complain: complaints.Handle,
		Shutdown: func(ctx context.Context) {
			atOnce(
				func() { complaints.Handle(tracers.Shutdown(ctx)) },
				func() { complaints.Handle(meters.Shutdown(ctx)) },
			)
		},
	}, errors.Join(about("traces", traceErr), about("metrics", metricErr), about("resource", resourceErr))
}

func about(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// newSpanExporter has the console be stderr: stdout is the program's.
func (e Exporters) newSpanExporter(ctx context.Context) (sdktrace.SpanExporter, error) {
	if os.Getenv(TracesVariable) == "console" {
		return stdouttrace.New(stdouttrace.WithWriter(os.Stderr))
	}
	return e.Spans(ctx)
}

// newMetricReader does so for metrics.
func (e Exporters) newMetricReader(ctx context.Context) (sdkmetric.Reader, error) {
	if os.Getenv(MetricsVariable) == "console" {
		exporter, err := stdoutmetric.New(stdoutmetric.WithWriter(os.Stderr))
		if err != nil {
			return nil, err
		}
		return sdkmetric.NewPeriodicReader(exporter), nil
	}
	return e.Metrics(ctx)
}

// quietly exports by connections that are not tracked, whatever their address
// is: that of a proxy, for one. (Metric readers keep their exporters.)
type quietly struct{ sdktrace.SpanExporter }

func (q quietly) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	return q.SpanExporter.ExportSpans(otelnetstats.ContextWithoutTracking(ctx), spans)
}

// atOnce calls two functions at the same time: a collector that does not answer
// takes all the time there is.
func atOnce(f, g func()) {
	var both sync.WaitGroup
	both.Go(f)
	both.Go(g)
	both.Wait()
}
