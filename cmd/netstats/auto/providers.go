package auto

import (
	"context"
	"errors"
	"fmt"
	"os"

	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel/exporters/stdout/stdoutmetric"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/netstats-go/netstats/otelnetstats"
)

// providers are this package's own.
type providers struct {
	tracers *sdktrace.TracerProvider
	meters  *sdkmetric.MeterProvider
}

// newProviders sets the SDK up. With an error come providers that work without
// what failed.
func newProviders(s settings) (*providers, error) {
	if !s.export {
		return &providers{
			tracers: sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample())),
			meters:  sdkmetric.NewMeterProvider(),
		}, nil
	}
	ctx := otelnetstats.ContextWithoutTracking(context.Background())
	res, resourceErr := newResource(ctx)
	traces := []sdktrace.TracerProviderOption{sdktrace.WithResource(res)}
	metrics := []sdkmetric.Option{sdkmetric.WithResource(res)}
	exporter, traceErr := newSpanExporter(ctx)
	if traceErr == nil && !autoexport.IsNoneSpanExporter(exporter) {
		traces = append(traces, sdktrace.WithBatcher(quietly{exporter}))
	}
	reader, metricErr := newMetricReader(ctx)
	if metricErr == nil && !autoexport.IsNoneMetricReader(reader) {
		metrics = append(metrics, sdkmetric.WithReader(reader))
	}
	return &providers{
		tracers: sdktrace.NewTracerProvider(traces...),
		meters:  sdkmetric.NewMeterProvider(metrics...),
	}, errors.Join(about("traces", traceErr), about("metrics", metricErr), about("resource", resourceErr))
}

func about(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// newSpanExporter does what autoexport does, but that stdout is the program's.
func newSpanExporter(ctx context.Context) (sdktrace.SpanExporter, error) {
	if os.Getenv(spanExporters.variable) == "console" {
		return stdouttrace.New(stdouttrace.WithWriter(os.Stderr))
	}
	exporter, err := autoexport.NewSpanExporter(ctx)
	return exporter, explain(err, spanExporters)
}

// newMetricReader likewise.
func newMetricReader(ctx context.Context) (sdkmetric.Reader, error) {
	if os.Getenv(metricReaders.variable) == "console" {
		exporter, err := stdoutmetric.New(stdoutmetric.WithWriter(os.Stderr))
		if err != nil {
			return nil, err
		}
		return sdkmetric.NewPeriodicReader(exporter), nil
	}
	reader, err := autoexport.NewMetricReader(ctx)
	return reader, explain(err, metricReaders, metricProducers)
}

// quietly exports by connections that are not tracked, whatever their address
// is: that of a proxy, for one. (Metric readers keep their exporters.)
type quietly struct{ sdktrace.SpanExporter }

func (q quietly) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	return q.SpanExporter.ExportSpans(otelnetstats.ContextWithoutTracking(ctx), spans)
}

// shutdown exports what is left, of both signals at once: a collector that
// does not answer takes all the time there is.
func (p *providers) shutdown(ctx context.Context) error {
	traces := make(chan error, 1)
	go func() { traces <- p.tracers.Shutdown(ctx) }()
	return errors.Join(p.meters.Shutdown(ctx), <-traces)
}
