// Command dashboardgen writes the dashboard for Grafana, dashboards/grafana/netstats.json.
// It takes the limits that the alerts have, so that a panel turns red where an alert
// fires. It is started by go generate, in this folder.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:generate go run .

// root is the repository's, from this folder.
const root = "../.."

// Where what is read and what is written is, from the root.
const (
	rulesFile     = "dashboards/prometheus/netstats.rules.yml"
	dashboardFile = "dashboards/grafana/netstats.json"
)

func main() {
	content, err := generated(root)
	if err == nil {
		err = os.WriteFile(filepath.Join(root, dashboardFile), content, 0o644) //nolint:gosec // as git has it
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "dashboardgen:", err)
		os.Exit(1)
	}
}

// generated is the content of the dashboard.
func generated(root string) ([]byte, error) {
	rules, err := loadRules(filepath.Join(root, rulesFile))
	if err != nil {
		return nil, err
	}
	d, err := newDashboard(rules.thresholds())
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err = e.Encode(d)
	return b.Bytes(), err
}

// rules are a file of rules of Prometheus.
type rules struct {
	Groups []struct {
		Name  string
		Rules []rule
	}
}

type rule struct {
	Record      string
	Alert       string
	Expr        string
	Labels      map[string]string
	Annotations map[string]string
}

func loadRules(path string) (rules, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return rules{}, err
	}
	var r rules
	if err := yaml.Unmarshal(text, &r); err != nil {
		return rules{}, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// thresholdPrefix is what the names of the series begin with that are limits.
const thresholdPrefix = "netstats:threshold:"

// thresholds are the limits of the alerts, by the last part of their names.
func (r rules) thresholds() map[string]string {
	limits := make(map[string]string)
	for _, g := range r.Groups {
		for _, rule := range g.Rules {
			if name, ok := strings.CutPrefix(rule.Record, thresholdPrefix); ok {
				limits[name] = rule.Expr
			}
		}
	}
	return limits
}
