package otelnetstats_test

import (
	"context"
	"fmt"
	"log"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/netstats-go/netstats/otelnetstats"
)

// withDial samples the connections of the dials that were sampled, and all else
// as the Sampler within. A connection's span begins with a link to its dial's
// span if that was sampled.
type withDial struct{ sdktrace.Sampler }

func (s withDial) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	dialed := attribute.String("netstats.connection.role", "client")
	switch {
	case !slices.Contains(p.Attributes, dialed):
		return s.Sampler.ShouldSample(p)
	case len(p.Links) > 0:
		return sdktrace.AlwaysSample().ShouldSample(p)
	}
	return sdktrace.NeverSample().ShouldSample(p)
}

// By itself, a connection's span is sampled as any root is: independently of
// the request that dialed it. A sampler can change that.
func ExampleWithConnectionSpan_sampler() {
	spans := tracetest.NewSpanRecorder()
	tracerProvider := sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(spans),
		sdktrace.WithSampler(sdktrace.ParentBased(withDial{sdktrace.TraceIDRatioBased(0.1)})),
	)
	tracker, err := otelnetstats.New(otelnetstats.WithTracerProvider(tracerProvider))
	if err != nil {
		log.Print(err)
	}
	dial := tracker.WrapDial(network)

	requests, connections := 0, 0
	for range 200 {
		ctx, request := tracerProvider.Tracer("example").Start(context.Background(), "request")
		conn, err := dial(ctx, "tcp", "example.com:7")
		if err != nil {
			log.Fatal(err)
		}
		conn.Close()
		request.End()
	}
	for _, s := range spans.Ended() {
		switch s.Name() {
		case "request":
			requests++
		case "connection example.com:7":
			connections++
		}
	}
	fmt.Println(requests < 200, requests == connections)
	// Output:
	// true true
}
