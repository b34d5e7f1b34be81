package providers

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// A backend that does not take a signal is told of once, with the way out.
func TestRefusals(t *testing.T) {
	backend := httptest.NewServer(http.NotFoundHandler())
	defer backend.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", backend.URL)
	metrics, err := otlpmetrichttp.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	traces, err := otlptracehttp.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	c := newComplaints()
	c.say = func(err error) { said = append(said, err.Error()) }
	for range 3 {
		c.Handle(metrics.Export(t.Context(), new(metricdata.ResourceMetrics)))
		c.Handle(traces.ExportSpans(t.Context(), tracetest.SpanStubs{{Name: "x"}}.Snapshots()))
	}
	if len(said) != 2 {
		t.Fatalf("got %q", said)
	}
	for i, want := range []string{"metrics", "traces"} {
		end := "; to leave them out, set OTEL_" + strings.ToUpper(want) + "_EXPORTER=none"
		if !strings.HasPrefix(said[i], "the backend takes no "+want+": ") || !strings.HasSuffix(said[i], end) || !strings.Contains(said[i], "404 Not Found") {
			t.Errorf("got %s", said[i])
		}
	}
}

// gRPC has its own word for that.
func TestRefusalByGRPC(t *testing.T) {
	if s := refused("otelnetstats: shutdown: metrics: failed to upload metrics: rpc error: code = Unimplemented desc = unknown service"); s == nil || s.name != "metrics" {
		t.Errorf("got %v", s)
	}
	for _, other := range []string{"traces export: context deadline exceeded", "404 Not Found"} {
		if s := refused(other); s != nil {
			t.Errorf("%s: got %v", other, s)
		}
	}
}

// Whatever goes wrong is said once, and what is remembered is bounded.
func TestComplaintsAreFew(t *testing.T) {
	n := 0
	c := newComplaints()
	c.say = func(error) { n++ }
	c.Handle(nil)
	for range 3 {
		c.Handle(context.DeadlineExceeded)
	}
	if n != 1 {
		t.Errorf("said %d times", n)
	}
	for i := range 2 * maxSaid {
		c.Handle(errors.New(strings.Repeat("x", i)))
	}
	if n != maxSaid || len(c.said) != maxSaid {
		t.Errorf("said %d things, remembered %d", n, len(c.said))
	}
}
