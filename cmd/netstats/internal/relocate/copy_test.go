package relocate

import (
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// goCommand runs the go command alone, offline.
func goCommand(dir string, args ...string) ([]byte, error) {
	return goCommandWith([]string{"GOPROXY=off"}, dir, args...)
}

func goCommandWith(env []string, dir string, args ...string) ([]byte, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "GOFLAGS=-modcacherw", "GOWORK=off"), env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = errors.New(stderr.String())
	}
	return out, err
}

// write writes files into a new folder.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, contents := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(contents), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// module is one with all that is to be thought of.
var module = map[string]string{
	"go.mod": "module example.com/a\n\ngo 1.26.0\n\nrequire (\n\texample.com/dep v1.0.0\n\texample.com/dep/nested v1.0.0\n)\n\n" +
		"replace (\n\texample.com/dep => ./dep\n\texample.com/dep/nested => ./nested\n)\n",
	"go.sum": "",
	"a.go": "// A comment: import \"example.com/dep\".\npackage a // import \"example.com/a\"\n\nimport (\n\t\"fmt\"\n\n\td \"example.com/dep\"\n)\n\n" +
		"const dep = \"example.com/dep\"\n\nfunc A() string { return fmt.Sprint(d.Dep(), dep) }\n",
	"a_test.go":          "package a\n\nimport _ \"example.com/missing\"\n",
	"a_windows.go":       "package a\n\nimport _ \"example.com/dep/windows\"\n",
	"generate.go":        "//go:build ignore\n\npackage main\n\nimport _ \"example.com/missing\"\n",
	"generate2.go":       "// Copyright.\n\n//go:build linux && (ignore || ignore)\n\npackage main\n\nimport _ \"example.com/missing\"\n",
	"README.md":          "# a\n",
	"data.bin":           "\x00\x01",
	"other/other.go":     "package other\n",
	"dep/go.mod":         "module example.com/dep\n",
	"dep/dep.go":         "package dep /* import \"example.com/dep\" */\n\nimport \"example.com/dep/nested\"\n\nfunc Dep() int { return nested.Nested() + asm() }\n\nfunc asm() int\n",
	"dep/dep_amd64.s":    "#include \"h.h\"\nTEXT ·asm(SB), 0, $0-8\n\tMOVQ $ONE, ret+0(FP)\n\tRET\n",
	"dep/h.h":            "#define ONE 1\n",
	"dep/nested/old.go":  "package old\n",
	"dep/windows/dep.go": "//go:build !ignore\n\npackage windows\n",
	"nested/go.mod":      "module example.com/dep/nested\n",
	"nested/n.go":        "package nested\n\nfunc Nested() int { return 41 }\n",
}

func mustCopy(t *testing.T, dir string) Tree {
	t.Helper()
	modules, err := ModulesOf(dir, goCommand)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := Copy(modules, "own", "example.com/a")
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// Each package comes along that some build needs, and nothing else.
func TestCopy(t *testing.T) {
	tree := mustCopy(t, write(t, module))
	want := map[string]string{
		"example.com/a/a.go": "// A comment: import \"example.com/dep\".\npackage a \n\nimport (\n\t\"fmt\"\n\n\td \"own/example.com/dep\"\n)\n\n" +
			"const dep = \"example.com/dep\"\n\nfunc A() string { return fmt.Sprint(d.Dep(), dep) }\n",
		"example.com/a/a_windows.go":     "package a\n\nimport _ \"own/example.com/dep/windows\"\n",
		"example.com/a/data.bin":         module["data.bin"],
		"example.com/dep/dep.go":         "package dep \n\nimport \"own/example.com/dep/nested\"\n\nfunc Dep() int { return nested.Nested() + asm() }\n\nfunc asm() int\n",
		"example.com/dep/dep_amd64.s":    module["dep/dep_amd64.s"],
		"example.com/dep/h.h":            module["dep/h.h"],
		"example.com/dep/windows/dep.go": module["dep/windows/dep.go"],
		"example.com/dep/nested/n.go":    module["nested/n.go"],
	}
	for name, contents := range want {
		if got, ok := tree[name]; !ok || string(got) != contents {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, contents)
		}
	}
	for name := range tree {
		if _, ok := want[name]; !ok {
			t.Errorf("%s came along", name)
		}
	}
	again := mustCopy(t, write(t, module))
	if tree.Hash() != again.Hash() {
		t.Error("two copies have two hashes")
	}
	again["example.com/a/data.bin"] = []byte{1}
	if tree.Hash() == again.Hash() {
		t.Error("two trees have one hash")
	}
}

// A copy is a part of the standard library if that is where it is put.
func TestCopyIsStandard(t *testing.T) {
	out, err := goCommand(".", "env", "GOROOT")
	if err != nil {
		t.Skip(err)
	}
	goroot := strings.TrimSpace(string(out))
	tree := mustCopy(t, write(t, module))
	own, program, shadow := t.TempDir(), write(t, map[string]string{
		"go.mod":  "module example.com/program\n\ngo 1.21\n",
		"main.go": "package main\n\nimport \"own/example.com/a\"\n\nfunc main() { println(a.A()) }\n",
	}), t.TempDir()
	if err := tree.Write(own); err != nil {
		t.Fatal(err)
	}
	link(t, goroot, shadow)
	if err := os.Remove(filepath.Join(shadow, "src")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(shadow, "src"), 0o777); err != nil {
		t.Fatal(err)
	}
	link(t, filepath.Join(goroot, "src"), filepath.Join(shadow, "src"))
	if err := os.Symlink(own, filepath.Join(shadow, "src", "own")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "run", ".")
	cmd.Dir, cmd.Env = program, append(os.Environ(), "GOROOT="+shadow, "GOFLAGS=", "GOWORK=off", "GOTOOLCHAIN=local")
	if got, err := cmd.CombinedOutput(); err != nil || string(got) != "42example.com/dep\n" {
		t.Errorf("got %s, %v", got, err)
	}
}

func link(t *testing.T, from, to string) {
	t.Helper()
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := os.Symlink(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
			t.Skip(err)
		}
	}
}

// What is not there is named.
func TestMissing(t *testing.T) {
	for _, test := range []struct{ name, file, contents, want string }{
		{"a package", "a.go", "package a\n\nimport _ \"example.com/dep/none\"\n", "go.mod requires has package example.com/dep/none"},
		{"a module", "a.go", "package a\n\nimport _ \"example.com/missing\"\n", "go.mod requires has package example.com/missing"},
		{"a package clause", "a.go", "import \"fmt\"\n", "expected 'package'"},
		{"go.mod", "go.mod", "nothing\n", "go.mod:1: unknown directive: nothing"},
	} {
		files := map[string]string{}
		maps.Copy(files, module)
		files[test.file] = test.contents
		modules, err := ModulesOf(write(t, files), goCommand)
		if err == nil {
			_, err = Copy(modules, "own", "example.com/a")
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", test.name, err, test.want)
		}
	}
}
