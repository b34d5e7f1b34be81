package connz_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestThePageBringsNothingAlong: who links it links the standard library more, and no
// other module than otelnetstats does.
func TestThePageBringsNothingAlong(t *testing.T) {
	const module = "github.com/netstats-go/netstats/"
	deps := func(pkg string) map[string]bool {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", pkg).Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		all := make(map[string]bool)
		for dep := range strings.FieldsSeq(string(out)) {
			all[dep] = true
		}
		return all
	}
	library := deps(module + "otelnetstats")
	for dep := range deps(module + "otelnetstats/connz") {
		if !library[dep] && dep != module+"otelnetstats/connz" {
			t.Errorf("connz imports %s", dep)
		}
	}
}
