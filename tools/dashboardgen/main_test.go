package main

import (
	"cmp"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestDashboardIsUpToDate(t *testing.T) {
	want, err := generated(root)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(root, dashboardFile))
	if err != nil {
		t.Fatal(err)
	}
	if strings.ReplaceAll(string(got), "\r\n", "\n") != string(want) {
		t.Errorf("%s is not what the generator makes: run make generate", dashboardFile)
	}
}

// A shownPanel is what the dashboard has of a panel.
type shownPanel struct {
	ID                       int
	Type, Title, Description string
	GridPos                  struct{ X, Y, W, H int }
	Targets                  []struct{ Expr string }
	Links                    []struct{ URL string }
}

type shown struct {
	Panels     []shownPanel
	Templating struct {
		List []struct {
			Name  string
			Query any
		}
	}
}

// readDashboard is the dashboard as it is written down.
func readDashboard(t *testing.T) shown {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, dashboardFile))
	if err != nil {
		t.Fatal(err)
	}
	var d shown
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestPanels(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs/alerts.md"))
	if err != nil {
		t.Fatal(err)
	}
	filled := make(map[[2]int]string) // who is where
	titles := make(map[string]bool)
	for _, p := range readDashboard(t).Panels {
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if at[0] >= 24 || filled[at] != "" {
					t.Fatalf("panel %q is beyond the edge, or on top of %q, at %v", p.Title, filled[at], at)
				}
				filled[at] = p.Title
			}
		}
		if titles[p.Title] {
			t.Errorf("two panels have the title %q", p.Title)
		}
		titles[p.Title] = true
		if p.Type == "row" {
			continue
		}
		if p.Description == "" || len(p.Targets) == 0 {
			t.Errorf("panel %q has no description, or no query", p.Title)
		}
		for _, l := range p.Links {
			checkRunbook(t, string(page), l.URL)
		}
	}
	if len(titles) < 40 {
		t.Errorf("%d panels and rows, want more than 40", len(titles))
	}
}

// queries are all expressions of the dashboard, by their panels' titles and the
// variables' names, and of the pages, by their paths. What Grafana fills in is filled
// in.
func queries(t *testing.T) map[string][]string {
	t.Helper()
	variables := strings.NewReplacer("$__rate_interval", "5m", "$__range", "1h", "$job", ".*", "$instance", ".*", "$server", ".*")
	all := make(map[string][]string)
	d := readDashboard(t)
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			all[p.Title] = append(all[p.Title], variables.Replace(target.Expr))
		}
	}
	for _, v := range d.Templating.List {
		query, ok := v.Query.(map[string]any)
		if !ok {
			continue // of the data source, a word
		}
		selector, _, _ := strings.Cut(strings.TrimPrefix(query["query"].(string), "label_values("), ", ")
		all[v.Name] = append(all[v.Name], variables.Replace(selector))
	}
	pages, err := filepath.Glob(filepath.Join(root, "docs/*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range pages {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range promql.FindAllStringSubmatch(string(text), -1) {
			all[path] = append(all[path], block[1])
		}
	}
	return all
}

// promql is a query on a page.
var promql = regexp.MustCompile("(?s)\n```promql\r?\n(.*?)```")

// TestQueriesParse has the queries read by Prometheus's own parser.
func TestQueriesParse(t *testing.T) {
	promtool, err := exec.LookPath(cmp.Or(os.Getenv("PROMTOOL"), "promtool"))
	if err != nil {
		t.Skip("there is no promtool: Debian has it in the package prometheus")
	}
	type record struct {
		Record string            `yaml:"record"`
		Expr   string            `yaml:"expr"`
		Labels map[string]string `yaml:"labels"`
	}
	var records []record
	for title, exprs := range queries(t) {
		for _, expr := range exprs {
			records = append(records, record{"query", expr, map[string]string{"panel": title, "expr": expr}})
		}
	}
	text, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "queries", "rules": records}}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "queries.yml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), promtool, "check", "rules", file).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
