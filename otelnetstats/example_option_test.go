package otelnetstats_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/netstats-go/netstats/otelnetstats"
)

// visit opens and closes a connection to each address.
func visit(tracker *otelnetstats.Tracker, addresses ...string) {
	dial := tracker.WrapDial(network)
	for _, address := range addresses {
		conn, err := dial(context.Background(), "tcp", address)
		if err != nil {
			log.Fatal(err)
		}
		ask(conn, "hello")
		conn.Close()
	}
}

func ExampleWithTracerProvider() {
	spans := tracetest.NewSpanRecorder() // stands for an exporter
	tracker, err := otelnetstats.New(otelnetstats.WithTracerProvider(
		sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))))
	if err != nil {
		log.Print(err)
	}
	visit(tracker, "example.com:7")
	for _, s := range spans.Ended() {
		fmt.Println(s.Name())
	}
	// Output:
	// dial example.com:7
	// connection example.com:7
}

func ExampleWithMeterProvider() {
	reader := sdkmetric.NewManualReader() // stands for an exporter
	tracker, err := otelnetstats.New(otelnetstats.WithMeterProvider(
		sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))))
	if err != nil {
		log.Print(err)
	}
	visit(tracker, "example.com:7", "example.com:7")

	var metrics metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &metrics); err != nil {
		log.Fatal(err)
	}
	for _, m := range metrics.ScopeMetrics[0].Metrics {
		if io, ok := m.Data.(metricdata.Sum[int64]); ok && m.Name == "netstats.client.io" {
			for _, p := range io.DataPoints {
				direction, _ := p.Attributes.Value("network.io.direction")
				fmt.Println(direction.AsString(), p.Value, m.Unit)
			}
		}
	}
	// Unordered output:
	// receive 26 By
	// transmit 12 By
}

// Callbacks are called in the order in which they are given.
func ExampleWithCallback() {
	tracker, err := otelnetstats.New(
		otelnetstats.WithCallback(diary{}),
		otelnetstats.WithCallback(progress{}),
	)
	if err != nil {
		log.Print(err)
	}
	visit(tracker, "example.com:7")
	// Output:
	// open example.com:7
	// write 6 now 6
	// read 13 now 13
	// close example.com:7 local 13 6
}

func ExampleWithSpanAttributes() {
	spans := tracetest.NewSpanRecorder()
	tracker, err := otelnetstats.New(
		otelnetstats.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))),
		otelnetstats.WithSpanAttributes(attribute.String("app.component", "reports")),
	)
	if err != nil {
		log.Print(err)
	}
	visit(tracker, "example.com:7")
	for _, s := range spans.Ended() {
		for _, kv := range s.Attributes() {
			if kv.Key == "app.component" {
				fmt.Println(s.Name(), kv.Value.AsString())
			}
		}
	}
	// Output:
	// dial example.com:7 reports
	// connection example.com:7 reports
}

// Two Trackers on one MeterProvider need attributes that tell them apart.
func ExampleWithMetricAttributes() {
	for _, component := range []string{"reports", "mail"} {
		tracker, err := otelnetstats.New(
			otelnetstats.WithMetricAttributes(attribute.String("app.component", component)),
		)
		if err != nil {
			log.Print(err)
		}
		visit(tracker, component+".example.com:7")
	}
}

// Connections within the machine may be of no interest.
func ExampleWithFilter() {
	tracker, err := otelnetstats.New(
		otelnetstats.WithCallback(diary{}),
		otelnetstats.WithFilter(func(_ context.Context, network, address string) bool {
			return network != "unix" && !strings.HasPrefix(address, "localhost:")
		}),
	)
	if err != nil {
		log.Print(err)
	}
	visit(tracker, "localhost:7", "example.com:7")
	// Output:
	// open example.com:7
	// close example.com:7 local 13 6
}

// Where each connection serves one request, its span may well be a part of the
// request's trace.
func ExampleWithConnectionSpan() {
	spans := tracetest.NewSpanRecorder()
	tracker, err := otelnetstats.New(
		otelnetstats.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))),
		otelnetstats.WithConnectionSpan(otelnetstats.ConnectionSpanChild),
	)
	if err != nil {
		log.Print(err)
	}
	visit(tracker, "example.com:7")
	dial, connection := spans.Ended()[0], spans.Ended()[1]
	fmt.Println(connection.Parent().SpanID() == dial.SpanContext().SpanID())
	// Output:
	// true
}

// After so many servers, all others are counted together.
func ExampleWithMaxServers() {
	reader := sdkmetric.NewManualReader()
	tracker, err := otelnetstats.New(
		otelnetstats.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))),
		otelnetstats.WithMaxServers(2),
	)
	if err != nil {
		log.Print(err)
	}
	visit(tracker, "a.example.com:7", "b.example.com:7", "c.example.com:7", "d.example.com:7")

	var metrics metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &metrics); err != nil {
		log.Fatal(err)
	}
	for _, m := range metrics.ScopeMetrics[0].Metrics {
		if duration, ok := m.Data.(metricdata.Histogram[float64]); ok && m.Name == "netstats.client.connection.duration" {
			for _, p := range duration.DataPoints {
				server, _ := p.Attributes.Value("server.address")
				fmt.Println(server.AsString(), p.Count)
			}
		}
	}
	// Unordered output:
	// a.example.com 1
	// b.example.com 1
	// _OTHER 2
}

// refusals counts dials that failed.
type refusals struct {
	otelnetstats.NopCallback
	n *int
}

func (r refusals) DialError(_ context.Context, network, address string, err error) {
	*r.n++
	fmt.Println(network, address, err)
}

// A type that embeds NopCallback has the methods that it needs and no others.
func ExampleNopCallback() {
	failed := 0
	tracker, err := otelnetstats.New(otelnetstats.WithCallback(refusals{n: &failed}))
	if err != nil {
		log.Print(err)
	}
	dialer := &otelnetstats.Dialer{
		Tracker: tracker,
		Base: otelnetstats.DialFunc(func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("the network is down")
		}),
	}
	_, err = dialer.Dial("tcp", "example.com:7")
	fmt.Println(failed, err)
	// Output:
	// tcp example.com:7 the network is down
	// 1 the network is down
}
