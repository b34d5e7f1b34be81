package otelnetstats_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/netstats-go/netstats/otelnetstats"
)

// The README's tables of the telemetry are compared with what the package
// emits when all of it is provoked, and with the names in semconv.go, so that
// nothing is in one place only.

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

// A cell of a table, and what is in code marks in it.
type cell string

var inCode = regexp.MustCompile("`([^`]+)`")

func (c cell) names() []string {
	var names []string
	for _, m := range inCode.FindAllStringSubmatch(string(c), -1) {
		names = append(names, m[1])
	}
	return names
}

// table returns the rows below the table's head, whose first column is given.
func readmeTable(t *testing.T, text, first string) [][]cell {
	t.Helper()
	_, rest, ok := strings.Cut(text, "\n| "+first+" |")
	if !ok {
		t.Fatalf("the README has no table whose first column is %q", first)
	}
	var rows [][]cell
	for i, line := range strings.Split(rest, "\n") {
		if i < 2 {
			continue // the rest of the head, and the line below it
		}
		if !strings.HasPrefix(line, "|") {
			return rows
		}
		var row []cell
		for column := range strings.SplitSeq(strings.Trim(line, "|"), "|") {
			row = append(row, cell(strings.TrimSpace(column)))
		}
		rows = append(rows, row)
	}
	return rows
}

// A nameSet is a set of names.
type nameSet map[string]bool

func setOf(names ...string) nameSet {
	s := make(nameSet)
	s.add(names...)
	return s
}

func (s nameSet) add(names ...string) {
	for _, name := range names {
		s[name] = true
	}
}

// compare reports the names that are in one of the sets only.
func sameNames(t *testing.T, what string, documented, emitted nameSet) {
	t.Helper()
	for name := range documented {
		if !emitted[name] {
			t.Errorf("%s: the README has %s, which was not seen", what, name)
		}
	}
	for name := range emitted {
		if !documented[name] {
			t.Errorf("%s: %s was seen, which the README has not", what, name)
		}
	}
}

// kernelOnly are on TCP connections on Linux.
var kernelOnly = []string{"netstats.tcp.rtt", "netstats.tcp.retransmits"}

func TestReadmeMetrics(t *testing.T) {
	text := readme(t)
	_, line, ok := strings.Cut(text, "\n**C** stands for ")
	if !ok {
		t.Fatal("the README does not say what C stands for")
	}
	line, _, _ = strings.Cut(line, "and what")
	common := cell(line).names()

	seen := provoke(t).metrics
	documented := make(nameSet)
	for _, row := range readmeTable(t, text, "metric") {
		attributes := setOf(row[3].names()...)
		if strings.HasPrefix(string(row[3]), "C") {
			attributes.add(common...)
		}
		// A row may be of the client's and of the server's metric. A server has
		// no dialer, and so no name.
		together := make(nameSet)
		for _, name := range row[0].names() {
			documented.add(name)
			m, ok := seen[name]
			if !ok {
				t.Errorf("the README has the metric %s, which was not seen", name)
				continue
			}
			if got, want := m.kind, string(row[1]); got != want {
				t.Errorf("%s is a %s, the README says %s", name, got, want)
			}
			if got, want := m.unit, row[2].names()[0]; got != want {
				t.Errorf("the unit of %s is %s, the README says %s", name, got, want)
			}
			for a := range m.attributes {
				together.add(a)
			}
			if strings.HasPrefix(name, "netstats.accepted.") {
				delete(attributes, "netstats.dialer.name")
			}
		}
		sameNames(t, string(row[0]), attributes, together)
	}
	for name := range seen {
		if !documented[name] {
			t.Errorf("the metric %s was seen, which the README has not", name)
		}
	}
}

func TestReadmeBuckets(t *testing.T) {
	_, text, ok := strings.Cut(readme(t), "\nThe durations have boundaries")
	if !ok {
		t.Fatal("the README does not give the boundaries of the durations")
	}
	text, _, _ = strings.Cut(text, "\n\n")
	metrics := provoke(t).metrics
	for word, metric := range map[string]string{
		"connections": "netstats.client.connection.duration",
		"dials":       "netstats.dial.duration",
	} {
		_, list, _ := strings.Cut(text, " "+word+" ")
		var want []float64
		for field := range strings.FieldsSeq(list) {
			bound, err := strconv.ParseFloat(strings.TrimRight(field, ".,"), 64)
			if err != nil {
				break
			}
			want = append(want, bound)
		}
		if got := metrics[metric].bounds; !slices.Equal(got, want) {
			t.Errorf("the boundaries of %s are %v, the README says %v", metric, got, want)
		}
	}
}

func TestReadmeSpans(t *testing.T) {
	seen := provoke(t).spans
	documented := make(nameSet)
	for _, row := range readmeTable(t, readme(t), "span") {
		name := row[0].names()[0]
		documented.add(name)
		s, ok := seen[name]
		if !ok {
			t.Errorf("the README has the span %s, which was not seen", name)
			continue
		}
		start, end := setOf(row[1].names()...), setOf(row[2].names()...)
		if runtime.GOOS != "linux" {
			for _, a := range kernelOnly {
				delete(end, a)
			}
		}
		sameNames(t, name+", at its start", start, s.start)
		sameNames(t, name+", at its end", end, s.end)
	}
	for name := range seen {
		if !documented[name] {
			t.Errorf("the span %s was seen, which the README has not", name)
		}
	}
}

func TestReadmeEvents(t *testing.T) {
	seen := provoke(t).events
	documented := make(nameSet)
	for _, row := range readmeTable(t, readme(t), "event") {
		name := string(row[1]) + " " + row[0].names()[0]
		documented.add(name)
		attributes, ok := seen[name]
		if !ok {
			t.Errorf("the README has the event %s, which was not seen", name)
			continue
		}
		sameNames(t, name, setOf(row[2].names()...), attributes)
	}
	for name := range seen {
		if !documented[name] {
			t.Errorf("the event %s was seen, which the README has not", name)
		}
	}
}

// Names that are never emitted would not be found missing above.
func TestReadmeHasAllNamesOfSemconv(t *testing.T) {
	text := readme(t)
	for name, value := range stringConstants(t, "semconv.go") {
		if strings.HasPrefix(name, "metric") || strings.HasPrefix(name, "event") || strings.HasPrefix(name, "key") {
			if !strings.Contains(text, "`"+value+"`") {
				t.Errorf("the README lacks %s, the value of %s", value, name)
			}
		}
	}
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range stringConstants(t, "semconv.go") {
		// The documentation abbreviates what differs in the role only.
		value = strings.Replace(value, "netstats.server.", "netstats.client.", 1)
		if strings.HasPrefix(name, "metric") && !bytes.Contains(doc, []byte(value)) {
			t.Errorf("doc.go lacks %s, the value of %s", value, name)
		}
	}
}

// constants are those of a file that are strings, or attribute.Keys of one.
func stringConstants(t *testing.T, file string) map[string]string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]string)
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for i, v := range spec.Values {
			if call, ok := v.(*ast.CallExpr); ok && len(call.Args) == 1 {
				v = call.Args[0] // attribute.Key("…")
			}
			if literal, ok := v.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				values[spec.Names[i].Name], _ = strconv.Unquote(literal.Value)
			}
		}
		return true
	})
	if len(values) == 0 {
		t.Fatalf("%s has no constants", file)
	}
	return values
}

func TestReadmeCloseReasons(t *testing.T) {
	_, text, _ := strings.Cut(readme(t), "\n`netstats.connection.close.reason` is ")
	text, _, _ = strings.Cut(text, "\n\n")
	documented := setOf(cell(text).names()...)
	reasons := make(nameSet)
	for name, value := range stringConstants(t, "reason.go") {
		if strings.HasPrefix(name, "Closed") {
			reasons.add(value)
		}
	}
	sameNames(t, "close reasons", documented, reasons)
}

// What is returned as error.type by the functions that say so.
func TestReadmeErrorTypes(t *testing.T) {
	_, text, _ := strings.Cut(readme(t), "\n`error.type` is ")
	text, _, _ = strings.Cut(text, "or else")
	documented := setOf(cell(text).names()...)

	types := make(nameSet)
	for _, value := range stringConstants(t, "../internal/neterr/neterr.go") {
		types.add(value)
	}
	for _, value := range stringConstants(t, "errortype.go") {
		types.add(value)
	}
	sameNames(t, "error.type", documented, types)
}

// The README's Go is that of the examples, which are compiled and run. What
// needs another module cannot be.
func TestReadmeCodeIsThatOfExamples(t *testing.T) {
	files, err := filepath.Glob("example*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var examples strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		examples.WriteString(unindented(string(text)))
	}
	blocks := regexp.MustCompile("(?s)\n```go\n(.*?)```").FindAllStringSubmatch(readme(t), -1)
	if len(blocks) == 0 {
		t.Error("the README has no Go")
	}
	for _, block := range blocks {
		if strings.Contains(block[1], "grpc.") {
			continue
		}
		if !strings.Contains(examples.String(), unindented(block[1])) {
			t.Errorf("no example has this code of the README:\n%s", block[1])
		}
	}
}

// unindented drops white space at the ends of lines, and comments behind code:
// an example may say more.
func unindented(code string) string {
	var b strings.Builder
	for line := range strings.Lines(code) {
		line = strings.TrimSpace(line)
		if i := strings.Index(line, " // "); i > 0 {
			line = strings.TrimSpace(line[:i])
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

func TestReadmeLinks(t *testing.T) {
	for _, m := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(readme(t), -1) {
		if strings.Contains(m[1], "://") {
			continue
		}
		if anchor, ok := strings.CutPrefix(m[1], "#"); ok {
			if !strings.Contains(strings.ToLower(readme(t)), "\n## "+strings.ReplaceAll(anchor, "-", " ")+"\n") {
				t.Errorf("the README links to its part %s, which is not there", m[1])
			}
			continue
		}
		if _, err := os.Stat(filepath.Join("..", m[1])); err != nil {
			t.Errorf("the README links to %s, which is not there", m[1])
		}
	}
}

// emission is all telemetry that was seen, by the names that the README uses.
type emission struct {
	metrics map[string]emittedMetric
	spans   map[string]emittedSpan
	events  map[string]nameSet // by the kind of the span and the event's name
}

type emittedMetric struct {
	kind, unit string
	attributes nameSet
	bounds     []float64
}

type emittedSpan struct{ start, end nameSet }

// provoke does whatever makes the package emit something, and returns it.
func provoke(t *testing.T) emission {
	t.Helper()
	spans := &spanStarts{SpanRecorder: tracetest.NewSpanRecorder(), start: make(map[string]nameSet)}
	tracerProvider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	reader := sdkmetric.NewManualReader()
	tracker, err := otelnetstats.New(
		otelnetstats.WithTracerProvider(tracerProvider),
		otelnetstats.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))),
		otelnetstats.WithCaller(),
	)
	if err != nil {
		t.Fatal(err)
	}
	ctx, span := tracerProvider.Tracer("readme").Start(t.Context(), "caller")
	p := provocation{t, ctx, tracker}
	p.markOverTLS()
	p.failedDials()
	p.resets()
	p.failedAccept()
	p.packets()
	p.manyTurns()
	span.End()

	e := emission{spans: make(map[string]emittedSpan), events: make(map[string]nameSet)}
	for _, s := range spans.Ended() {
		e.addSpan(s, spans.start)
	}
	e.addMetrics(t, reader)
	return e
}

func (e *emission) addSpan(s sdktrace.ReadOnlySpan, starts map[string]nameSet) {
	kind, _, _ := strings.Cut(s.Name(), " ")
	if kind == "caller" {
		return
	}
	name := kind + " {server.address}:{server.port}"
	start := starts[kind]
	if _, ok := e.spans[name]; !ok {
		e.spans[name] = emittedSpan{start, make(nameSet)}
	}
	for _, kv := range s.Attributes() {
		if !start[string(kv.Key)] || kind == "dial" && kv.Key == "network.type" {
			e.spans[name].end.add(string(kv.Key))
		}
	}
	for _, event := range s.Events() {
		key := kind + " " + event.Name
		if e.events[key] == nil {
			e.events[key] = make(nameSet)
		}
		for _, kv := range event.Attributes {
			e.events[key].add(string(kv.Key))
		}
	}
}

func (e *emission) addMetrics(t *testing.T, reader sdkmetric.Reader) {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &all); err != nil { //nolint:usetesting // the test's may be over
		t.Fatal(err)
	}
	e.metrics = make(map[string]emittedMetric)
	for _, m := range all.ScopeMetrics[0].Metrics {
		seen := emittedMetric{unit: m.Unit, attributes: make(nameSet)}
		switch data := m.Data.(type) {
		case metricdata.Sum[int64]:
			seen.kind = "observable counter"
			if !data.IsMonotonic {
				seen.kind = "observable up-down counter"
			}
			for _, p := range data.DataPoints {
				seen.addKeys(p.Attributes)
			}
		case metricdata.Histogram[float64]:
			seen.kind = "histogram"
			for _, p := range data.DataPoints {
				seen.addKeys(p.Attributes)
				seen.bounds = p.Bounds
			}
		default:
			t.Errorf("%s is a %T", m.Name, m.Data)
		}
		if m.Name == "netstats.server.connection.accepted" {
			seen.kind = "counter" // data do not tell whether it is observable
		}
		e.metrics[m.Name] = seen
	}
}

func (m emittedMetric) addKeys(attributes attribute.Set) {
	for _, kv := range attributes.ToSlice() {
		m.attributes.add(string(kv.Key))
	}
}

// spanStarts notes with which attributes spans start, by their kind.
type spanStarts struct {
	*tracetest.SpanRecorder

	mu    sync.Mutex
	start map[string]nameSet
}

func (s *spanStarts) OnStart(ctx context.Context, span sdktrace.ReadWriteSpan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kind, _, _ := strings.Cut(span.Name(), " ")
	if s.start[kind] == nil {
		s.start[kind] = make(nameSet)
	}
	for _, kv := range span.Attributes() {
		s.start[kind].add(string(kv.Key))
	}
	s.SpanRecorder.OnStart(ctx, span)
}

type provocation struct {
	t       *testing.T
	ctx     context.Context
	tracker *otelnetstats.Tracker
}

func (p provocation) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// markOverTLS reads, writes and marks on a TLS connection between a tracked
// client and a tracked server.
func (p provocation) markOverTLS() {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Listener = p.tracker.Listener(server.Listener)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // a handshake is to fail
	server.StartTLS()
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	p.must(err)
	roots := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	dialer := &otelnetstats.Dialer{Tracker: p.tracker, Name: "readme"}

	// The certificate is for example.com, the name localhost has to be looked up.
	config := &tls.Config{RootCAs: roots, ServerName: "example.com", NextProtos: []string{"http/1.1"}}
	conn, err := dialer.TLS(config)(p.ctx, "tcp", "localhost:"+port)
	p.must(err)
	_, err = io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n")
	p.must(err)
	_, err = io.ReadAll(conn)
	p.must(err)
	if _, ok := otelnetstats.Mark(p.ctx, conn, "done"); !ok {
		p.t.Error("the connection is not tracked")
	}
	p.must(conn.Close())

	config.ServerName = "example.net"
	if _, err := dialer.TLS(config)(p.ctx, "tcp", "localhost:"+port); err == nil {
		p.t.Error("the handshake did not fail")
	}
}

// failedDials fails to look a name up, and to connect.
func (p provocation) failedDials() {
	down := errors.New("the network is down")
	dialer := &otelnetstats.Dialer{Tracker: p.tracker, Base: &net.Dialer{Resolver: &net.Resolver{
		PreferGo: true,
		Dial:     func(context.Context, string, string) (net.Conn, error) { return nil, down },
	}}}
	if _, err := dialer.DialContext(p.ctx, "tcp", "nobody.invalid:1"); err == nil {
		p.t.Error("a name was found")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	p.must(err)
	p.must(ln.Close())
	if _, err := dialer.DialContext(p.ctx, "tcp", ln.Addr().String()); err == nil {
		p.t.Error("nobody listens, and yet there is a connection")
	}
}

// resets has a connection reset on each side.
func (p provocation) resets() {
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	p.must(err)
	defer plain.Close()
	tracked := p.tracker.Listener(plain)
	dialer := &otelnetstats.Dialer{Tracker: p.tracker}
	for _, byServer := range []bool{true, false} {
		client, err := dialer.DialContext(p.ctx, "tcp", plain.Addr().String())
		p.must(err)
		server, err := tracked.Accept()
		p.must(err)
		reset, other := client, server
		if byServer {
			reset, other = server, client
		}
		p.must(reset.(interface{ SetLinger(sec int) error }).SetLinger(0))
		p.must(reset.Close())
		_, err = other.Read(make([]byte, 1))
		if err == nil || errors.Is(err, io.EOF) {
			p.t.Errorf("the connection was not reset: %v", err)
		}
		p.must(other.Close())
	}
}

// failedAccept fails to accept.
func (p provocation) failedAccept() {
	ln := p.tracker.Listener(exhausted{})
	if _, err := ln.Accept(); err == nil {
		p.t.Error("the listener has accepted")
	}
}

// An exhausted listener is out of descriptors.
type exhausted struct{}

func (exhausted) Accept() (net.Conn, error) {
	return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
}
func (exhausted) Close() error   { return nil }
func (exhausted) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// packets sends one from a tracked client to a tracked server.
// manyTurns has more turns of direction than events are kept of.
func (p provocation) manyTurns() {
	conn := p.tracker.Register(p.ctx, &stub{})
	for range 100 {
		send(p.t, conn, 1)
		receive(p.t, conn, 1)
	}
	_ = conn.Close()
}

func (p provocation) packets() {
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	p.must(err)
	server := p.tracker.RegisterPacketConn(p.ctx, socket)
	defer server.Close()
	client, err := (&otelnetstats.Dialer{Tracker: p.tracker, Name: "readme"}).DialContext(p.ctx, "udp", server.LocalAddr().String())
	p.must(err)
	defer client.Close()
	_, err = client.Write([]byte("tick"))
	p.must(err)
	p.must(server.SetReadDeadline(time.Now().Add(5 * time.Second)))
	_, _, err = server.ReadFrom(make([]byte, 10))
	p.must(err)
}
