package overlay

import (
	"bytes"
	"flag"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

// TestGolden edits excerpts of the standard library; see testdata.
func TestGolden(t *testing.T) {
	for _, set := range slices.Concat(capturePart.sets, endPart.sets) {
		pkg := path.Base(set.pkg)
		inputs, err := filepath.Glob(filepath.Join("testdata", pkg, "*.input"))
		if err != nil || len(inputs) == 0 {
			t.Fatal("no excerpts of", pkg)
		}
		for _, input := range inputs {
			t.Run(filepath.ToSlash(input), func(t *testing.T) { testGolden(t, input, set) })
		}
	}
}

func testGolden(t *testing.T, input string, set ruleSet) {
	src, err := os.ReadFile(input)
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPatch(strings.TrimSuffix(filepath.Base(input), ".input")+".go", src)
	if err != nil {
		t.Fatal(err)
	}
	if reasons := set.apply(p, make(coverage, len(set.rules))); len(reasons) > 0 {
		t.Fatal(reasons)
	}
	got, err := p.apply()
	if err != nil {
		t.Fatal(err)
	}
	golden := strings.TrimSuffix(input, ".input") + ".golden"
	if *update {
		if err := os.WriteFile(golden, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("differs from %s; if the difference is right, run go test -update\n%s", golden, got)
	}
}
