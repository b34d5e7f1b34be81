package main

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
	colmetric "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/proto"
)

// A sink receives OTLP over HTTP and keeps a line of text of each thing.
type sink struct {
	*httptest.Server

	mu    sync.Mutex // guards lines
	lines []string
}

// sinkKey finds the sink in the values of a script.
type sinkKey struct{}

// scriptCommands are for scripts in which programs export.
//
//	sink       starts one and has programs export to it
//	sunk FILE  writes what it received since it started, or since the last time
//	app DIR PATH  makes a module in DIR that has this command as a tool
func scriptCommands() map[string]func(ts *testscript.TestScript, neg bool, args []string) {
	return map[string]func(ts *testscript.TestScript, neg bool, args []string){
		"sink": func(ts *testscript.TestScript, _ bool, _ []string) { startSink(ts) },
		"sunk": func(ts *testscript.TestScript, _ bool, args []string) {
			ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(ts.Value(sinkKey{}).(*sink).take()), 0o666))
		},
		"app": func(ts *testscript.TestScript, _ bool, args []string) { makeApp(ts, args[0], args[1]) },
	}
}

func startSink(ts *testscript.TestScript) {
	s := ts.Value(sinkKey{}).(*sink)
	s.Server = httptest.NewServer(s)
	ts.Defer(s.Close)
	ts.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", s.URL)
	ts.Setenv("SINK", s.Listener.Addr().String())
}

// makeApp has the go command add the tool to a new go.mod, as users do.
func makeApp(ts *testscript.TestScript, dir, path string) {
	root := ts.Getenv("ROOT")
	const tool = library + "/cmd/netstats"
	text := fmt.Sprintf("module %s\n\ngo 1.26.0\n\nrequire (\n\t%s v0.0.0\n\t%s v0.0.0\n)\n\nreplace (\n\t%[2]s => %[4]s\n\t%[3]s => %[5]s\n)\n",
		path, library, tool, root, filepath.Join(root, "cmd", "netstats"))
	mod := ts.MkAbs(filepath.Join(dir, "go.mod"))
	if more, err := os.ReadFile(ts.MkAbs(filepath.Join(dir, "more.mod"))); err == nil {
		text += string(more)
	}
	ts.Check(os.MkdirAll(filepath.Dir(mod), 0o777))
	ts.Check(os.WriteFile(mod, []byte(text), 0o666))
	ts.Check(ts.Exec("go", "-C", filepath.Dir(mod), "get", "-tool", tool+"@v0.0.0"))
}

func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		var err error
		if body, err = gzip.NewReader(r.Body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	data, err := io.ReadAll(body)
	if err == nil {
		err = s.receive(r.URL.Path, data)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func (s *sink) receive(path string, data []byte) error {
	switch path {
	case "/v1/traces":
		var m coltrace.ExportTraceServiceRequest
		if err := proto.Unmarshal(data, &m); err != nil {
			return err
		}
		s.spans(&m)
	case "/v1/metrics":
		var m colmetric.ExportMetricsServiceRequest
		if err := proto.Unmarshal(data, &m); err != nil {
			return err
		}
		s.metrics(&m)
	default:
		return fmt.Errorf("nothing is exported to %s", path)
	}
	return nil
}

func (s *sink) spans(m *coltrace.ExportTraceServiceRequest) {
	for _, r := range m.ResourceSpans {
		for _, scope := range r.ScopeSpans {
			for _, span := range scope.Spans {
				s.note("span "+span.Name, r.Resource, span.Attributes)
			}
		}
	}
}

func (s *sink) metrics(m *colmetric.ExportMetricsServiceRequest) {
	for _, r := range m.ResourceMetrics {
		for _, scope := range r.ScopeMetrics {
			for _, metric := range scope.Metrics {
				for _, point := range metric.GetSum().GetDataPoints() {
					s.note(fmt.Sprintf("metric %s %d", metric.Name, point.GetAsInt()), r.Resource, point.Attributes)
				}
			}
		}
	}
}

// note adds a line: what it is, the service, the attributes in order.
func (s *sink) note(what string, r *resource.Resource, attrs []*common.KeyValue) {
	var words []string
	for _, kv := range attrs {
		words = append(words, kv.Key+"="+text(kv.Value))
	}
	slices.Sort(words)
	for _, kv := range r.Attributes {
		if kv.Key == "service.name" {
			words = slices.Insert(words, 0, "by="+text(kv.Value))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, what+" "+strings.Join(words, " ")+"\n")
}

func text(v *common.AnyValue) string {
	switch v := v.Value.(type) {
	case *common.AnyValue_StringValue:
		return v.StringValue
	case *common.AnyValue_IntValue:
		return fmt.Sprint(v.IntValue)
	}
	return v.String()
}

func (s *sink) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.lines)
	all := strings.Join(s.lines, "")
	s.lines = nil
	return all
}
