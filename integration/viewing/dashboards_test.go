package viewing

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

const dashboards = "../../dashboards/"

// TestRules has them tested by the promtool of this Prometheus. CI has an older one.
func TestRules(t *testing.T) {
	promtool := program(t, "promtool")
	for _, args := range [][]string{
		{"check", "rules", "netstats.rules.yml"},
		{"test", "rules", "netstats.rules.test.yml"},
	} {
		cmd := exec.CommandContext(t.Context(), promtool, args...)
		cmd.Dir = dashboards + "prometheus"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %v: %s", args, err, out)
		}
	}
}

// hurried are the rules with minutes made seconds, so that nobody waits for hours.
// Limits are those that users get.
func hurried(t *testing.T) (path string) {
	t.Helper()
	text, err := os.ReadFile(dashboards + "prometheus/netstats.rules.yml")
	must(t, err)
	text = regexp.MustCompile(`for: \w+`).ReplaceAll(text, []byte("for: 2s"))
	path = filepath.Join(t.TempDir(), "hurried.rules.yml")
	must(t, os.WriteFile(path, []byte(hurry(string(text))), 0o600))
	return path
}

// hurry shortens the windows of an expression.
func hurry(expr string) string {
	return regexp.MustCompile(`\b\d+[mh]\b`).ReplaceAllStringFunc(expr, func(d string) string {
		if d == "1m" {
			return "1s" // the step of a subquery
		}
		return "20s"
	})
}

// A panel is what is on the dashboard.
type panel struct {
	Title   string
	Targets []struct {
		Expr     string
		Exemplar bool
	}
}

func readPanels(t *testing.T, job string) []panel {
	t.Helper()
	text, err := os.ReadFile(dashboards + "grafana/netstats.json")
	must(t, err)
	var d struct{ Panels []panel }
	must(t, json.Unmarshal(text, &d))
	variables := strings.NewReplacer("$__rate_interval", "20s", "$__range", "1h", "$job", job, "$instance", ".*", "$server", ".*")
	for _, p := range d.Panels {
		for i := range p.Targets {
			p.Targets[i].Expr = hurry(variables.Replace(p.Targets[i].Expr))
		}
	}
	return slices.DeleteFunc(d.Panels, func(p panel) bool { return len(p.Targets) == 0 })
}

// TestDashboards has a program to which all happens that there is a panel or an
// alert for.
func TestDashboards(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("retransmits and round-trip times are known on Linux only")
	}
	j, p := startJaeger(t), startPrometheus(t, hurried(t))
	const job = "bad"
	o := order{
		Scenario: "bad", Service: job, Traces: j.otlpGRPC, GRPC: true, Metrics: p.address,
		Backend: startBackend(t).address, Secure: untrusted(t), Echo: map[string]string{}, Servers: 25,
	}
	names := []string{"slow", "resets", "leaks", "loses", "churns", "grows"}
	for i := range o.Servers {
		names = append(names, fmt.Sprint("many ", i))
	}
	for _, name := range names {
		o.Echo[name] = startBackend(t).address
	}
	_, lines := spawn(t, o)
	if !lines.Scan() {
		t.Fatal("the shop does not open")
	}
	refused := lines.Text()
	t.Run("alerts", func(t *testing.T) { checkAlerts(t, p, o, refused) })
	t.Run("panels", func(t *testing.T) { checkPanels(t, p, readPanels(t, job)) })
	t.Run("page", func(t *testing.T) { checkPage(t, p) })
	t.Run("answers", func(t *testing.T) { checkAnswers(t, p, readPanels(t, job)) })
	t.Run("exemplars", func(t *testing.T) { checkExemplars(t, j, p, readPanels(t, job)) })
}

// checkAlerts: each fires for the server that it is about, and none for the one that
// is in good health.
func checkAlerts(t *testing.T, p *prometheus, o order, refused string) {
	t.Helper()
	for alert, address := range map[string]string{
		"NetstatsServerCannotBeDialed": refused,
		"NetstatsSlowDials":            o.Echo["slow"],
		"NetstatsTLSFailing":           o.Secure,
		"NetstatsConnectionsLeak":      o.Echo["leaks"],
		"NetstatsConnectionsGrow":      "",
		"NetstatsConnectionsReset":     o.Echo["resets"],
		"NetstatsNoReuse":              o.Echo["churns"],
		"NetstatsRetransmits":          o.Echo["loses"],
		"NetstatsServerCapReached":     "",
	} {
		_, port, _ := net.SplitHostPort(address)
		firing := fmt.Sprintf(`ALERTS{alertname=%q,alertstate="firing",server_port=%q}`, alert, port)
		eventually(t, 2*time.Minute, firing, func() bool { return len(p.values(t, firing)) == 1 })
	}
	_, port, _ := net.SplitHostPort(o.Backend)
	if n := len(p.values(t, fmt.Sprintf(`ALERTS{server_address="127.0.0.1",server_port=%q}`, port))); n != 0 {
		t.Errorf("%d alerts are about the server in good health", n)
	}
}

// checkPanels: each query has data.
func checkPanels(t *testing.T, p *prometheus, panels []panel) {
	t.Helper()
	if len(panels) < 40 {
		t.Fatalf("the dashboard has %d panels, want more than 40", len(panels))
	}
	for _, panel := range panels {
		for _, target := range panel.Targets {
			checkQuery(t, p, panel.Title, target.Expr)
		}
	}
}

// checkPage: so have those that docs/viewing.md has.
func checkPage(t *testing.T, p *prometheus) {
	t.Helper()
	text, err := os.ReadFile("../../docs/viewing.md")
	must(t, err)
	queries := regexp.MustCompile("(?s)\n```promql\n(.*?)```").FindAllSubmatch(text, -1)
	if len(queries) == 0 {
		t.Error("the page has no queries")
	}
	for _, q := range queries {
		checkQuery(t, p, "docs/viewing.md", hurry(string(q[1])))
	}
}

// checkQuery waits until a query has data. Prometheus is to have nothing to say about
// it.
func checkQuery(t *testing.T, p *prometheus, where, promql string) {
	t.Helper()
	eventually(t, time.Minute, where+": "+promql, func() bool {
		var answer struct {
			Warnings, Infos []string
			Data            struct{ Result []any }
		}
		get(t, "http://"+p.address+"/api/v1/query", url.Values{"query": {promql}}, &answer)
		for _, said := range append(answer.Warnings, answer.Infos...) {
			t.Errorf("%s: %s", where, said)
		}
		return len(answer.Data.Result) > 0
	})
}

// checkAnswers: the first row says what is wrong. Shares are near what the shop does,
// as rates are estimates.
func checkAnswers(t *testing.T, p *prometheus, panels []panel) {
	t.Helper()
	for title, want := range map[string][2]float64{
		"Servers that cannot be dialed": {2, 2}, // nobody listens; no such name
		"Failed dials":                  {.01, .3},
		"Slowest server to dial":        {.8, 10},
		"Failed TLS handshakes":         {.3, .7}, // one of two
		"Failed DNS lookups":            {.3, .7},
		"Leaked connections":            {1, 200},
		"More connections an hour":      {20, 3600 * 10},
		"Resets":                        {.01, .3},
		"Servers without reuse":         {1, 1},
		"Retransmits for each MB sent":  {10, 1e6},
		"Cap on servers":                {1, 1},
		"Processes":                     {1, 1},
	} {
		i := slices.IndexFunc(panels, func(p panel) bool { return p.Title == title })
		if i < 0 {
			t.Errorf("there is no panel %q", title)
			continue
		}
		var got []float64
		within := func() bool {
			got = p.values(t, panels[i].Targets[0].Expr)
			return len(got) == 1 && got[0] >= want[0] && got[0] <= want[1]
		}
		end := time.Now().Add(20 * time.Second)
		for !within() && time.Now().Before(end) {
			time.Sleep(200 * time.Millisecond)
		}
		if !within() {
			t.Errorf("%s: %v, want one from %v to %v", title, got, want[0], want[1])
		}
		t.Logf("%s: %v", title, got)
	}
}

// checkExemplars: the dots of a panel lead to traces that Jaeger has.
func checkExemplars(t *testing.T, j *jaeger, p *prometheus, panels []panel) {
	t.Helper()
	dotted := 0
	for _, panel := range panels {
		for _, target := range panel.Targets {
			if !target.Exemplar {
				continue
			}
			dotted++
			eventually(t, time.Minute, "a dot of "+panel.Title+" leads to a trace", func() bool { return leads(t, j, p, target.Expr) })
		}
	}
	if dotted == 0 {
		t.Error("no panel has exemplars")
	}
}

// leads reports whether a query has an exemplar whose trace is in Jaeger.
func leads(t *testing.T, j *jaeger, p *prometheus, promql string) bool {
	t.Helper()
	var answer struct {
		Data []struct {
			Exemplars []struct{ Labels map[string]string }
		}
	}
	get(t, "http://"+p.address+"/api/v1/query_exemplars", url.Values{
		"query": {promql}, "start": {fmt.Sprint(time.Now().Add(-time.Hour).Unix())}, "end": {fmt.Sprint(time.Now().Unix())},
	}, &answer)
	for _, series := range answer.Data {
		for _, e := range series.Exemplars {
			if j.resolves(t, id(e.Labels["trace_id"]), id(e.Labels["span_id"])) {
				return true
			}
		}
	}
	return false
}
