package shadow

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// write writes files into a folder, a new one if dir is "".
func write(t *testing.T, dir string, files map[string]string) string {
	t.Helper()
	if dir == "" {
		dir = t.TempDir()
	}
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

func read(t *testing.T, parts ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// A folder is filled once, whoever wants it at the same time, and nobody finds it
// half full.
func TestOnceConcurrentSafe(t *testing.T) {
	dir := t.TempDir()
	var fills atomic.Int32
	var users sync.WaitGroup
	for range 16 {
		users.Go(func() {
			made, err := Once(dir, "x", []string{"a", "b"}, func(tmp string) error {
				fills.Add(1)
				write(t, tmp, map[string]string{"first": "1", "second": "2"})
				return nil
			})
			if got := read(t, made, "first") + read(t, made, "second"); err != nil || got != "12" {
				t.Errorf("got %s, %v", got, err)
			}
		})
	}
	users.Wait()
	before := fills.Load()
	made, err := Once(dir, "x", []string{"a", "b"}, func(string) error { return errors.New("filled again") })
	if err != nil || fills.Load() != before {
		t.Error(err)
	}
	if other, err := Once(dir, "x", []string{"ab", ""}, func(string) error { return nil }); err != nil || other == made {
		t.Errorf("something else is %s, too: %v", other, err)
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 2 {
		t.Errorf("left: %v, %v", names, err)
	}
}

// What cannot be filled is not there, and is tried again; what was used is dated.
func TestOnceAfterAFailure(t *testing.T) {
	dir, failure := t.TempDir(), errors.New("no")
	made, err := Once(dir, "x", nil, func(tmp string) error {
		write(t, tmp, map[string]string{"first": "1"})
		return failure
	})
	if !errors.Is(err, failure) {
		t.Errorf("got %v", err)
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 0 {
		t.Errorf("left: %v, %v", names, err)
	}
	if _, err := Once(dir, "x", nil, func(string) error { return nil }); err != nil {
		t.Error(err)
	}
	long := time.Now().Add(-100 * 24 * time.Hour)
	if err := os.Chtimes(made, long, long); err != nil {
		t.Fatal(err)
	}
	if _, err := Once(dir, "x", nil, nil); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(made); err != nil || info.ModTime().Before(long.Add(time.Hour)) {
		t.Errorf("used, and dated %v, %v", info.ModTime(), err)
	}
}

// Others who share a cache can read what one of them has made.
func TestOnceIsForAll(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	made, err := Once(dir, "x", nil, func(string) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(made); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("got %v, %v", info.Mode(), err)
	}
}

func goroot(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Skip("no go command:", err)
	}
	return strings.TrimSpace(string(out))
}

// The go command in a shadow knows by itself where it is, and has a package more.
func TestGoroot(t *testing.T) {
	own := write(t, "", map[string]string{"hello/hello.go": "package hello\n\nconst Text = \"hello\"\n"})
	dir, original := t.TempDir(), goroot(t)
	made, err := Goroot(dir, original, own, "own")
	if err != nil {
		t.Skip(err) // no links here
	}
	if again, err := Goroot(dir, original, own, "own"); err != nil || again != made {
		t.Errorf("got %s, %v, want %s", again, err, made)
	}
	if other, err := Goroot(dir, original, t.TempDir(), "own"); err != nil || other == made {
		t.Errorf("with other packages: got %s, %v", other, err)
	}
	program := write(t, "", map[string]string{
		"go.mod":  "module example.com/program\n\ngo 1.21\n",
		"main.go": "package main\n\nimport (\n\t\"net/url\"\n\t\"os\"\n\n\t\"own/hello\"\n)\n\nfunc main() { println(url.QueryEscape(hello.Text), os.Getenv(\"GOROOT\"), os.Getenv(\"GOTOOLCHAIN\")) }\n",
	})
	for args, want := range map[string]string{
		"env GOROOT": made + "\n",
		"run .":      "hello  \n",
	} {
		cmd := exec.Command(filepath.Join(made, "bin", "go"+exe()), strings.Fields(args)...)
		cmd.Dir = program
		for _, v := range os.Environ() {
			if !strings.HasPrefix(v, "GOROOT=") && !strings.HasPrefix(v, "GOTOOLCHAIN=") && !strings.HasPrefix(v, "GOFLAGS=") {
				cmd.Env = append(cmd.Env, v)
			}
		}
		if got, err := cmd.CombinedOutput(); err != nil || string(got) != want {
			t.Errorf("go %s: got %s, %v, want %s", args, got, err, want)
		}
	}
}

// An installation that is updated in place gets another shadow.
func TestGorootIsUpdated(t *testing.T) {
	original := write(t, "", map[string]string{"bin/go" + exe(): "1", "src/net/a.go": "", "VERSION": "go1"})
	dir := t.TempDir()
	made, err := Goroot(dir, original, dir, "own")
	if err != nil {
		t.Skip(err)
	}
	write(t, original, map[string]string{"bin/go" + exe(): "22"})
	updated, err := Goroot(dir, original, dir, "own")
	if err != nil || updated == made || read(t, updated, "bin", "go"+exe()) != "22" {
		t.Errorf("got %s, %v", updated, err)
	}
	write(t, original, map[string]string{"src/new/a.go": "new"})
	if updated, err = Goroot(dir, original, dir, "own"); err != nil || read(t, updated, "src", "new", "a.go") != "new" {
		t.Errorf("a new package: %s, %v", updated, err)
	}
	if _, err := Goroot(dir, t.TempDir(), dir, "own"); err == nil {
		t.Error("no error for a folder without Go")
	}
}

// One module has a file more, all others are those of the original, also ones that
// come and go.
func TestModCache(t *testing.T) {
	original := write(t, "", map[string]string{
		"example.com/a@v1.0.0/a.go":       "a",
		"example.com/a@v1.0.0/cmd/x/x.go": "x",
		"example.com/b@v1.0.0/b.go":       "b",
		"example.org/c@v1.0.0/c.go":       "c",
	})
	dir := t.TempDir()
	added := []Addition{{filepath.Join(original, "example.com", "a@v1.0.0"), "cmd/x/more.go", "more"}}
	made, err := ModCache(dir, original, added)
	if err != nil {
		t.Skip(err)
	}
	check := func(want map[string]string) {
		t.Helper()
		for name, contents := range want {
			if got := read(t, made, filepath.FromSlash(name)); got != contents {
				t.Errorf("%s: got %s, want %s", name, got, contents)
			}
		}
	}
	check(map[string]string{
		"example.com/a@v1.0.0/a.go":          "a",
		"example.com/a@v1.0.0/cmd/x/x.go":    "x",
		"example.com/a@v1.0.0/cmd/x/more.go": "more",
		"example.com/b@v1.0.0/b.go":          "b",
		"example.org/c@v1.0.0/c.go":          "c",
	})
	if _, err := os.Stat(filepath.Join(original, "example.com", "a@v1.0.0", "cmd", "x", "more.go")); err == nil {
		t.Error("the original has the file, too")
	}
	write(t, original, map[string]string{
		"example.com/d@v1.0.0/d.go":           "d",
		"example.net/e@v1.0.0/e.go":           "e",
		"cache/download/example.com/list.txt": "l",
	})
	if err := os.RemoveAll(filepath.Join(original, "example.org")); err != nil {
		t.Fatal(err)
	}
	again, err := ModCache(dir, original, added)
	if err != nil || again != made {
		t.Fatalf("got %s, %v, want %s", again, err, made)
	}
	check(map[string]string{
		"example.com/d@v1.0.0/d.go":           "d",
		"example.net/e@v1.0.0/e.go":           "e",
		"cache/download/example.com/list.txt": "l",
	})
	if _, err := os.Lstat(filepath.Join(made, "example.org")); err == nil {
		t.Error("a link that leads nowhere is still there")
	}
	added[0].Contents = "another"
	if other, err := ModCache(dir, original, added); err != nil || other == made {
		t.Errorf("with another file: got %s, %v", other, err)
	}
}
