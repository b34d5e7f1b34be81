// Package otlp has a program show its connections as package
// [github.com/netstats-go/netstats/cmd/netstats/auto] does, with exporters for
// OTLP over HTTP and for the console. It is imported for its side effect.
package otlp

import (
	"context"

	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/netstats-go/netstats/cmd/netstats/auto"
	"github.com/netstats-go/netstats/cmd/netstats/auto/internal/providers"
)

// What the environment may name, and what it may not here.
var (
	spanExporters   = providers.Choice{Variable: providers.TracesVariable, Known: []string{"otlp", "console", "none"}}
	metricReaders   = providers.Choice{Variable: providers.MetricsVariable, Known: []string{"otlp", "console", "none"}, Elsewhere: []string{"prometheus"}}
	metricProducers = providers.Choice{Variable: "OTEL_METRICS_PRODUCERS", Known: []string{"none"}, Elsewhere: []string{"prometheus"}, Several: true}
)

// protocol is the variable for one signal if it is set, else that for all.
func protocol(signal string) providers.Choice {
	c := providers.Choice{Variable: "OTEL_EXPORTER_OTLP_" + signal + "_PROTOCOL", Known: []string{"http/protobuf"}, Elsewhere: []string{"grpc"}}
	if c.Value() == "" {
		c.Variable = "OTEL_EXPORTER_OTLP_PROTOCOL"
	}
	return c
}

// wanted reports whether the environment wants a signal exported. An error says
// that it is to be by what this package does not know.
func wanted(exporter providers.Choice, others ...providers.Choice) (bool, error) {
	if err := exporter.Check(); err != nil || exporter.Value() == "none" {
		return false, err
	}
	for _, c := range others {
		if err := c.Check(); err != nil {
			return false, err
		}
	}
	return true, nil
}

var exporters = providers.Exporters{
	Spans: func(ctx context.Context) (sdktrace.SpanExporter, error) {
		if ok, err := wanted(spanExporters, protocol("TRACES")); !ok {
			return nil, err
		}
		return otlptracehttp.New(ctx)
	},
	Metrics: func(ctx context.Context) (sdkmetric.Reader, error) {
		if ok, err := wanted(metricReaders, protocol("METRICS"), metricProducers); !ok {
			return nil, err
		}
		exporter, err := otlpmetrichttp.New(ctx)
		if err != nil {
			return nil, err
		}
		return sdkmetric.NewPeriodicReader(exporter), nil
	},
}

// The package is imported for what this does: there is no other place to do it.
func init() { auto.Start(exporters.New) }
