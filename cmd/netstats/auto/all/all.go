// Package all has a program show its connections as package
// [github.com/netstats-go/netstats/cmd/netstats/auto] does, with every exporter
// that package autoexport knows: OTLP over gRPC and HTTP, Prometheus, console. It
// is imported for its side effect.
package all

import (
	"context"

	"go.opentelemetry.io/contrib/exporters/autoexport"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/netstats-go/netstats/cmd/netstats/auto"
	"github.com/netstats-go/netstats/cmd/netstats/auto/internal/providers"
)

// What the environment may name. A program may register others.
var (
	spanExporters   = providers.Choice{Variable: providers.TracesVariable, Known: []string{"otlp", "console", "none"}}
	metricReaders   = providers.Choice{Variable: providers.MetricsVariable, Known: []string{"otlp", "prometheus", "console", "none"}}
	metricProducers = providers.Choice{Variable: "OTEL_METRICS_PRODUCERS", Known: []string{"prometheus", "none"}, Several: true}
)

var exporters = providers.Exporters{
	Spans: func(ctx context.Context) (sdktrace.SpanExporter, error) {
		exporter, err := autoexport.NewSpanExporter(ctx)
		if err == nil && autoexport.IsNoneSpanExporter(exporter) {
			return nil, nil //nolint:nilnil // none is what was asked for
		}
		return exporter, providers.Explain(err, spanExporters)
	},
	Metrics: func(ctx context.Context) (sdkmetric.Reader, error) {
		reader, err := autoexport.NewMetricReader(ctx)
		if err == nil && autoexport.IsNoneMetricReader(reader) {
			return nil, nil //nolint:nilnil // none is what was asked for
		}
		return reader, providers.Explain(err, metricReaders, metricProducers)
	},
}

// The package is imported for what this does: there is no other place to do it.
func init() { auto.Start(exporters.New) }
