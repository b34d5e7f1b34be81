package viewing

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// The programs are built by the script beside this file, and NETSTATS_VIEWING names
// the folder that they are in.

// program returns the path of a backend's program. The test is skipped if there is
// none.
func program(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("NETSTATS_VIEWING")
	if dir == "" {
		t.Skip("it needs real backends: run make viewing, which builds them")
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: run make viewing, which builds it", err)
	}
	return path
}

// freePort returns a port that nobody listened on a moment ago.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// start runs a backend until the test ends, from when ready answers.
func start(t *testing.T, cmd *exec.Cmd, ready string) {
	t.Helper()
	var out lockedBuffer
	cmd.Stdout, cmd.Stderr = &out, &out
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(cmd.Path), out.tail())
		}
	})
	eventually(t, time.Minute, cmd.Path+" is ready", func() bool {
		resp, err := http.Get(ready)
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// eventually waits for what another process is about to do.
func eventually(t *testing.T, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !holds(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: this has not come true in %v", what, limit)
		}
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) tail() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.b.String()
	return s[max(0, len(s)-4000):]
}

// A jaeger is a running Jaeger.
type jaeger struct{ otlpHTTP, otlpGRPC, query string }

func startJaeger(t *testing.T) *jaeger {
	t.Helper()
	path := program(t, "jaeger")
	j := &jaeger{
		otlpHTTP: fmt.Sprintf("127.0.0.1:%d", freePort(t)),
		otlpGRPC: fmt.Sprintf("127.0.0.1:%d", freePort(t)),
		query:    fmt.Sprintf("127.0.0.1:%d", freePort(t)),
	}
	config := fmt.Sprintf(`
service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines:
    traces: {receivers: [otlp], exporters: [jaeger_storage_exporter]}
  telemetry: {metrics: {level: none}, logs: {level: warn}}
extensions:
  jaeger_storage: {backends: {mem: {memory: {max_traces: 100000}}}}
  jaeger_query:
    storage: {traces: mem}
    http: {endpoint: %q}
    grpc: {endpoint: "127.0.0.1:%d"}
receivers:
  otlp: {protocols: {grpc: {endpoint: %q}, http: {endpoint: %q}}}
exporters:
  jaeger_storage_exporter: {trace_storage: mem}
`, j.query, freePort(t), j.otlpGRPC, j.otlpHTTP)
	file := filepath.Join(t.TempDir(), "config.yaml")
	must(t, os.WriteFile(file, []byte(config), 0o600))
	cmd := exec.Command(path, "--config", file)
	cmd.Env = append(os.Environ(), "OTEL_TRACES_SAMPLER=always_off") // of its own
	start(t, cmd, "http://"+j.query+"/api/v3/services")
	return j
}

// A prometheus is a running Prometheus, which takes OTLP.
type prometheus struct{ address string }

// startPrometheus has it evaluate rules, if there are any, each second.
func startPrometheus(t *testing.T, rules ...string) *prometheus {
	t.Helper()
	path := program(t, "prometheus")
	p := &prometheus{address: fmt.Sprintf("127.0.0.1:%d", freePort(t))}
	file := filepath.Join(t.TempDir(), "prometheus.yml")
	config := fmt.Sprintf(`
global: {scrape_interval: 1s, evaluation_interval: 1s}
otlp: {promote_resource_attributes: [service.name]}
rule_files: [%s]
`, strings.Join(rules, ", "))
	must(t, os.WriteFile(file, []byte(config), 0o600))
	start(t, exec.Command(path, "--config.file="+file, "--storage.tsdb.path="+t.TempDir(),
		"--web.listen-address="+p.address, "--web.enable-otlp-receiver", "--enable-feature=exemplar-storage", "--log.level=warn"), "http://"+p.address+"/-/ready")
	return p
}

// get decodes an answer in JSON.
func get(t *testing.T, address string, query url.Values, to any) (found bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"?"+query.Encode(), nil)
	must(t, err)
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(t, err)
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return false
	case resp.StatusCode != http.StatusOK:
		t.Fatalf("GET %s: %s: %.500s", address, resp.Status, body)
	}
	if err := json.Unmarshal(body, to); err != nil {
		t.Fatalf("GET %s: %v in %.500s", address, err, body)
	}
	return true
}

// value asks for one number; NaN is none.
func (p *prometheus) value(t *testing.T, promql string) (n float64, ok bool) {
	t.Helper()
	all := p.values(t, promql)
	if len(all) != 1 {
		return 0, false
	}
	return all[0], true
}

func (p *prometheus) values(t *testing.T, promql string) (all []float64) {
	t.Helper()
	var answer struct {
		Data struct {
			Result []struct{ Value [2]any }
		}
	}
	get(t, "http://"+p.address+"/api/v1/query", url.Values{"query": {promql}}, &answer)
	for _, r := range answer.Data.Result {
		n, err := strconv.ParseFloat(r.Value[1].(string), 64)
		must(t, err)
		all = append(all, n)
	}
	return all
}

// want waits for a number, as metrics come at an interval.
func (p *prometheus) want(t *testing.T, promql string, want float64) {
	t.Helper()
	var got float64
	var ok bool
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if got, ok = p.value(t, promql); ok && got == want {
			return
		}
	}
	t.Errorf("%s = %v (known: %t), want %v", promql, got, ok, want)
}
