package viewing

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/proto"

	"github.com/netstats-go/netstats/otelnetstats"
	"github.com/netstats-go/netstats/otelnetstats/netstatslog"
)

// A logBackend takes log records by OTLP.
type logBackend struct {
	mu      sync.Mutex // guards records
	records []*logs.LogRecord
}

func (b *logBackend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	request := new(collector.ExportLogsServiceRequest)
	if err != nil || proto.Unmarshal(body, request) != nil {
		http.Error(w, "this is no request for logs", http.StatusBadRequest)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, of := range request.ResourceLogs {
		for _, scope := range of.ScopeLogs {
			b.records = append(b.records, scope.LogRecords...)
		}
	}
}

// events are those of a name, with what each says of a server's port.
func (b *logBackend) events(name string) (ports []int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.records {
		if r.EventName != name {
			continue
		}
		for _, kv := range r.Attributes {
			if kv.Key == "server.port" {
				ports = append(ports, kv.Value.GetIntValue())
			}
		}
	}
	return ports
}

// TestLogs has the open of a connection in a backend for logs while it lives, by
// OTLP, and then the rest of its life.
func TestLogs(t *testing.T) {
	received := new(logBackend)
	server := httptest.NewServer(received)
	defer server.Close()
	exporter, err := otlploghttp.New(t.Context(), otlploghttp.WithEndpointURL(server.URL+"/v1/logs"))
	must(t, err)
	provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(exporter)))
	defer func() { must(t, provider.Shutdown(context.WithoutCancel(t.Context()))) }()
	tracker, err := otelnetstats.New(netstatslog.WithLoggerProvider(provider))
	must(t, err)

	b := startBackend(t)
	conn, err := tracker.WrapDial(nil)(t.Context(), "tcp", b.address)
	must(t, err)
	must(t, provider.ForceFlush(t.Context()))
	if got := received.events("netstats.connection.open"); len(got) != 1 || got[0] == 0 {
		t.Errorf("while the connection is open, the backend has events with the ports %v", got)
	}
	otelnetstats.Mark(t.Context(), conn, "there")
	must(t, conn.Close())
	must(t, provider.ForceFlush(t.Context()))
	for _, name := range []string{"netstats.connection.mark", "netstats.connection.close"} {
		if got := received.events(name); len(got) != 1 {
			t.Errorf("the backend has %d events %s, want 1", len(got), name)
		}
	}
}
