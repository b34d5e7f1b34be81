package otelnetstats_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/netstats-go/netstats/"

// deps are the packages that pkg is made of, the standard library's left out.
func deps(t *testing.T, pkg string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", pkg).Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return strings.Fields(string(out))
}

// TestTheCoreKnowsNothingOfOpenTelemetry: what runs at each read and write is
// made of the standard library and of the part of x/sys that asks the kernel.
func TestTheCoreKnowsNothingOfOpenTelemetry(t *testing.T) {
	core := []string{module + "internal/connstat", module + "internal/netwrap", module + "internal/tcpinfo", module + "internal/neterr"}
	for _, pkg := range core {
		for _, dep := range deps(t, pkg) {
			if !slices.Contains(core, dep) && dep != "golang.org/x/sys/unix" && dep != "golang.org/x/sys/windows" {
				t.Errorf("%s imports %s", pkg, dep)
			}
		}
	}
	for _, dep := range deps(t, core[0]) {
		if dep == core[1] {
			t.Errorf("connstat imports netwrap: pointers run the other way")
		}
	}
}

func TestTheLibraryDoesNotKnowTheSDK(t *testing.T) {
	for _, dep := range deps(t, module+"otelnetstats") {
		for _, bad := range []string{"go.opentelemetry.io/otel/sdk", "go.opentelemetry.io/otel/exporters", "golang.org/x/net"} {
			if strings.HasPrefix(dep, bad) {
				t.Errorf("package otelnetstats imports %s", dep)
			}
		}
		if dep == "testing" {
			t.Error("package otelnetstats imports testing")
		}
	}
}

// listens are the names in package net of what receives from anybody.
var listens = []string{"Listen", "ListenConfig", "ListenIP", "ListenMulticastUDP", "ListenPacket", "ListenTCP", "ListenUDP", "ListenUnix", "ListenUnixgram"}

// TestNothingListens: no code of the library's asks package net for a listener or
// for a socket that receives from anybody.
func TestNothingListens(t *testing.T) {
	looked := 0
	for _, pkg := range deps(t, module+"otelnetstats") {
		if !strings.HasPrefix(pkg, module) {
			continue
		}
		dir := filepath.Join("..", strings.TrimPrefix(pkg, module))
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		must(t, err)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			looked++
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			must(t, err)
			ast.Inspect(parsed, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok && slices.Contains(listens, s.Sel.Name) {
					t.Errorf("%s uses %s", file, s.Sel.Name)
				}
				return true
			})
		}
	}
	if looked < 50 {
		t.Errorf("%d files were looked at", looked)
	}
}
