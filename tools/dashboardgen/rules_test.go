package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func allRules(t *testing.T) []rule {
	t.Helper()
	r, err := loadRules(filepath.Join(root, rulesFile))
	if err != nil {
		t.Fatal(err)
	}
	var all []rule
	for _, g := range r.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

func TestAlertsSayWhatTheyMean(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs/alerts.md"))
	if err != nil {
		t.Fatal(err)
	}
	alerts := 0
	for _, r := range allRules(t) {
		if r.Alert == "" {
			continue
		}
		alerts++
		if severity := r.Labels["severity"]; !slices.Contains([]string{"critical", "warning", "info"}, severity) {
			t.Errorf("%s has the severity %q", r.Alert, severity)
		}
		for _, name := range []string{"summary", "description", "runbook_url"} {
			if r.Annotations[name] == "" {
				t.Errorf("%s has no %s", r.Alert, name)
			}
		}
		checkRunbook(t, string(page), r.Annotations["runbook_url"])
		if !strings.HasSuffix(r.Annotations["runbook_url"], "#"+strings.ToLower(r.Alert)) {
			t.Errorf("%s has the runbook of another: %s", r.Alert, r.Annotations["runbook_url"])
		}
	}
	if alerts == 0 {
		t.Error("there are no alerts")
	}
}

// checkRunbook looks whether the page has the part that a link leads to.
func checkRunbook(t *testing.T, page, url string) {
	t.Helper()
	anchor, ok := strings.CutPrefix(url, alertsPage+"#")
	if !ok || !strings.Contains(strings.ToLower(page), "\n## "+anchor+"\n") {
		t.Errorf("%s leads nowhere", url)
	}
}

// A limit that no alert has would be changed in vain, and one that the page has not
// would not be found.
func TestThresholdsAreUsedAndDocumented(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs/alerts.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, threshold := range allRules(t) {
		if !strings.HasPrefix(threshold.Record, thresholdPrefix) {
			continue
		}
		name := strings.TrimPrefix(threshold.Record, thresholdPrefix)
		if !slices.ContainsFunc(allRules(t), func(r rule) bool {
			return r.Alert != "" && strings.Contains(r.Expr, "scalar("+threshold.Record+")")
		}) {
			t.Errorf("no alert has the threshold %s", name)
		}
		if !strings.Contains(string(page), "`"+name+"` "+threshold.Expr) {
			t.Errorf("docs/alerts.md does not have `%s` %s", name, threshold.Expr)
		}
	}
}

// TestAlertsAreTested looks into the tests that promtool runs: each alert has a
// moment at which it fires, and one at which it is silent.
func TestAlertsAreTested(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "dashboards/prometheus/netstats.rules.test.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Tests []struct {
			Moments []struct {
				Alert  string `yaml:"alertname"`
				Firing []any  `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	fires, silent := make(map[string]bool), make(map[string]bool)
	for _, test := range file.Tests {
		for _, m := range test.Moments {
			fires[m.Alert] = fires[m.Alert] || len(m.Firing) > 0
			silent[m.Alert] = silent[m.Alert] || len(m.Firing) == 0
		}
	}
	for _, r := range allRules(t) {
		if r.Alert != "" && (!fires[r.Alert] || !silent[r.Alert]) {
			t.Errorf("%s: tested firing: %t, silent: %t", r.Alert, fires[r.Alert], silent[r.Alert])
		}
	}
}
