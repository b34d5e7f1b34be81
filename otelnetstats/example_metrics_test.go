package otelnetstats_test

import (
	"context"
	"fmt"
	"log"

	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/netstats-go/netstats/otelnetstats"
)

// Exponential histograms replace the boundaries of buckets, by a view of the SDK.
func ExampleWithMeterProvider_exponentialHistograms() {
	reader := sdkmetric.NewManualReader()
	view := sdkmetric.NewView(
		sdkmetric.Instrument{Kind: sdkmetric.InstrumentKindHistogram, Scope: instrumentation.Scope{Name: otelnetstats.ScopeName}},
		sdkmetric.Stream{Aggregation: sdkmetric.AggregationBase2ExponentialHistogram{MaxSize: 160, MaxScale: 20}},
	)
	meterProvider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader), sdkmetric.WithView(view))

	tracker, err := otelnetstats.New(otelnetstats.WithMeterProvider(meterProvider))
	if err != nil {
		log.Print(err)
	}
	conn, err := tracker.WrapDial(network)(context.Background(), "tcp", "example.com:7")
	if err != nil {
		log.Fatal(err)
	}
	conn.Close()

	var collected metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &collected); err != nil {
		log.Fatal(err)
	}
	for _, m := range collected.ScopeMetrics[0].Metrics {
		if h, ok := m.Data.(metricdata.ExponentialHistogram[float64]); ok && m.Name == "netstats.client.connection.duration" {
			fmt.Println(m.Name, h.DataPoints[0].Count)
		}
	}
	// Output:
	// netstats.client.connection.duration 1
}
