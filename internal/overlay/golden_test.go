package overlay

import (
	"bytes"
	"flag"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

// TestGolden edits excerpts of the standard library, as each kind of overlay
// does; see testdata.
func TestGolden(t *testing.T) {
	for name, kind := range kinds {
		for _, part := range kind.parts() {
			for _, set := range part.sets {
				t.Run(name+"/"+path.Base(set.pkg), func(t *testing.T) { testGoldens(t, kind, set) })
			}
		}
	}
}

func testGoldens(t *testing.T, kind Kind, set ruleSet) {
	inputs, err := filepath.Glob(filepath.Join("testdata", path.Base(set.pkg), "*.input"))
	if err != nil || len(inputs) == 0 {
		t.Fatal("no excerpts of", set.pkg)
	}
	for _, input := range inputs {
		testGolden(t, input, kind, set)
	}
}

func testGolden(t *testing.T, input string, kind Kind, set ruleSet) {
	src, err := os.ReadFile(input)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimSuffix(input, ".input")
	p, err := newPatch(filepath.Base(name)+".go", src, len(kind.bridges()))
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
	golden := name + ".golden"
	if kind == Auto && set.pkg == pollPkg { // each descriptor has two records
		golden = name + ".auto.golden"
	}
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
