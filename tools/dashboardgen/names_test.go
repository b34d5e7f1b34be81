package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// registry is what the registry of the telemetry says of metrics: the labels of each
// series that Prometheus has.
func registry(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "semconv/names.json"))
	if err != nil {
		t.Fatal(err)
	}
	var names struct {
		Metrics []struct {
			Series     []string `json:"prometheus_series"`
			Attributes []string `json:"attributes"`
		} `json:"metrics"`
	}
	if err := json.Unmarshal(text, &names); err != nil {
		t.Fatal(err)
	}
	series := make(map[string][]string)
	for _, m := range names.Metrics {
		for _, name := range m.Series {
			labels := []string{"job", "instance"}
			if strings.HasSuffix(name, "_bucket") {
				labels = append(labels, "le")
			}
			for _, a := range m.Attributes {
				labels = append(labels, strings.ReplaceAll(a, ".", "_"))
			}
			series[name] = labels
		}
	}
	if len(series) == 0 {
		t.Fatal("the registry has no metrics")
	}
	return series
}

// TestNamesOfQueries has each metric and each label of the dashboard and of the rules
// in the registry.
func TestNamesOfQueries(t *testing.T) {
	known := registry(t)
	all := queries(t)
	for _, r := range allRules(t) {
		all[r.Record+r.Alert] = []string{r.Expr}
		if r.Record != "" { // the labels of what it records are checked where it is
			known[r.Record] = []string{"job", "instance", "server_address", "server_port", "error_type"}
		}
	}
	for where, exprs := range all {
		for _, expr := range exprs {
			if err := checkNames(expr, known); err != nil {
				t.Errorf("%s: %v", where, err)
			}
		}
	}
}

func TestCheckNames(t *testing.T) {
	known := map[string][]string{"m_total": {"job", "a"}, "n_total": {"job", "b"}}
	for expr, ok := range map[string]bool{
		`sum by (job, a) (rate(m_total{a="x{b}",job=~"y"}[5m]))`:   true,
		`1e6 * sum(m_total) / on (job) group_left (b) n_total > 0`: true,
		`{__name__=~"m_total|n_total",job="x"}`:                    true,
		`rate(x_total[5m])`:                                        false,
		`m_total{b="x"}`:                                           false,
		`sum by (b) (m_total)`:                                     false,
		`{__name__=~"m_total|x_total"}`:                            false,
		`summ(m_total)`:                                            false,
	} {
		if err := checkNames(expr, known); (err == nil) != ok {
			t.Errorf("checkNames(%s) = %v", expr, err)
		}
	}
}

var (
	quoted    = regexp.MustCompile(`"[^"]*"`)
	byName    = regexp.MustCompile(`__name__=~"([^"]*)"`)
	window    = regexp.MustCompile(`\[[^\]]*\]|offset [0-9a-z]+`)
	grouping  = regexp.MustCompile(`\b(?:by|without|on|group_left) \(([^)]*)\)`)
	selection = regexp.MustCompile(`([a-z0-9_:]*)\{([^}]*)\}`)
	labelName = regexp.MustCompile(`([a-z_]+)(?:=~|!~|!=|=)`)
	word      = regexp.MustCompile(`\b[a-zA-Z_][a-zA-Z0-9_:]*`)
	functions = []string{
		"sum", "max", "count", "topk", "rate", "increase", "deriv", "histogram_quantile",
		"max_over_time", "scalar", "and", "or", "unless",
	}
)

// checkNames looks whether all words of an expression are known: series, their
// labels, and what PromQL has of its own. It is no parser: it knows the PromQL that
// stands here, and is told of what is new.
func checkNames(expr string, known map[string][]string) error {
	var labels []string // of all series that the expression has
	add := func(name string) error {
		l, ok := known[name]
		if !ok {
			return fmt.Errorf("%s is in no registry: %s", name, expr)
		}
		labels = append(labels, l...)
		return nil
	}
	for _, m := range byName.FindAllStringSubmatch(expr, -1) {
		for name := range strings.SplitSeq(m[1], "|") {
			if err := add(name); err != nil {
				return err
			}
		}
	}
	rest := window.ReplaceAllString(quoted.ReplaceAllString(expr, ""), "")
	for _, m := range selection.FindAllStringSubmatch(rest, -1) {
		for _, l := range labelName.FindAllStringSubmatch(m[2], -1) {
			if m[1] != "" && !slices.Contains(known[m[1]], l[1]) {
				return fmt.Errorf("%s has no label %s: %s", m[1], l[1], expr)
			}
		}
	}
	rest = selection.ReplaceAllString(rest, "$1 ")
	for _, name := range word.FindAllString(grouping.ReplaceAllString(rest, ""), -1) {
		if slices.Contains(functions, name) {
			continue
		}
		if err := add(name); err != nil {
			return err
		}
	}
	for _, m := range grouping.FindAllStringSubmatch(rest, -1) {
		for _, l := range word.FindAllString(m[1], -1) {
			if !slices.Contains(labels, l) {
				return fmt.Errorf("no series has the label %s: %s", l, expr)
			}
		}
	}
	return nil
}
