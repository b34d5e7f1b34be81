package main

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	colmetric "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/proto"
)

// A sink receives OTLP over HTTP and keeps a line of text of each thing.
type sink struct {
	mu    sync.Mutex // guards lines
	lines []string
}

// ServeHTTP takes what is exported, and has what it took be taken by GET.
func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		_, _ = io.WriteString(w, s.take()) // who asks finds out
		return
	}
	if !slices.Contains([]string{"/v1/traces", "/v1/metrics"}, r.URL.Path) {
		http.NotFound(w, r)
		return
	}
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
	if path == "/v1/traces" {
		var m coltrace.ExportTraceServiceRequest
		if err := proto.Unmarshal(data, &m); err != nil {
			return err
		}
		s.spans(&m)
		return nil
	}
	var m colmetric.ExportMetricsServiceRequest
	if err := proto.Unmarshal(data, &m); err != nil {
		return err
	}
	s.metrics(&m)
	return nil
}

func (s *sink) spans(m *coltrace.ExportTraceServiceRequest) {
	for _, r := range m.ResourceSpans {
		for _, scope := range r.ScopeSpans {
			for _, span := range scope.Spans {
				s.note(fmt.Sprintf("span %s trace=%x parent=%x", span.Name, span.TraceId, span.ParentSpanId), r.Resource, span.Attributes)
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
		return strconv.FormatInt(v.IntValue, 10)
	}
	return v.String()
}

// take returns the lines since the last time.
func (s *sink) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.lines)
	all := strings.Join(s.lines, "")
	s.lines = nil
	return all
}
