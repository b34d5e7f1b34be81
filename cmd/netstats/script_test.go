package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/netstats-go/netstats/cmd/netstats/internal/relocate"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"netstats": main})
}

// TestScripts builds and runs small programs; see testdata/script.
func TestScripts(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the standard library")
	}
	fetch(t)
	env := goEnvironment(t)
	testscript.Run(t, testscript.Params{
		Dir:  filepath.Join("testdata", "script"),
		Cmds: scriptCommands(),
		Setup: func(e *testscript.Env) error {
			e.Vars = append(e.Vars, env...)
			e.Vars = append(e.Vars, "HOME="+e.WorkDir, "XDG_CACHE_HOME="+filepath.Join(e.WorkDir, ".cache"), "LocalAppData="+filepath.Join(e.WorkDir, ".cache"))
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name == "race" {
				return runtime.GOOS == "linux" && (runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64") && hasCompiler(), nil
			}
			return false, nil
		},
	})
}

// fetch has the modules in the cache that scripts need, which download nothing.
func fetch(t *testing.T) {
	t.Helper()
	modules, err := relocate.ModulesOf("auto", goAlone)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := relocate.Copy(modules, standardName, autoModule+"/all"); err != nil {
		t.Fatal(err)
	}
	if _, err := goAlone(filepath.Join("..", ".."), "list", "-deps", "-test", "./otelnetstats"); err != nil {
		t.Fatal(err)
	}
}

func hasCompiler() bool {
	_, err := exec.LookPath("cc")
	return err == nil
}

// goEnvironment has what scripts share with this process: the caches, and
// where the module is. Nothing is downloaded.
func goEnvironment(t *testing.T) []string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	env := []string{"ROOT=" + root, "GOFLAGS=", "GOPROXY=off", "GOSUMDB=off", "GOTOOLCHAIN=local", "GOWORK="}
	for _, name := range []string{"GOROOT", "GOCACHE", "GOMODCACHE"} {
		out, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		env = append(env, name+"="+strings.TrimSpace(string(out)))
	}
	return append(env, "PATH="+os.Getenv("PATH"))
}
