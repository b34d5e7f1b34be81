package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// goEnv is what the go command says of itself, where the user runs it.
type goEnv struct {
	GOROOT, GOVERSION, GOTOOLCHAIN string
	GOFLAGS                        string
	GOCACHE, GOMODCACHE            string
	GOMOD, GOWORK                  string
	GOOS, GOARCH                   string
	GOHOSTOS, GOHOSTARCH           string
	GOPATH                         string
}

// askGo runs go env in the given directory, so that the toolchain lines of
// go.mod and go.work count.
func askGo(dir string) (*goEnv, error) {
	out, err := goOutput(dir, "env", "-json", "GOROOT", "GOVERSION", "GOTOOLCHAIN", "GOFLAGS", "GOCACHE", "GOMODCACHE", "GOMOD", "GOWORK", "GOOS", "GOARCH", "GOHOSTOS", "GOHOSTARCH", "GOPATH")
	if err != nil {
		return nil, err
	}
	env := new(goEnv)
	return env, json.Unmarshal(out, env)
}

// goOutput runs the go command and returns what it printed. What it complained
// of is indented: it quotes others, in lines that might pass for ours.
func goOutput(dir string, args ...string) ([]byte, error) {
	return goOutputWith(os.Environ(), dir, args...)
}

// goAlone runs it as the user would, but that neither flags nor a workspace
// count.
func goAlone(dir string, args ...string) ([]byte, error) {
	return goOutputWith(append(os.Environ(), "GOFLAGS=", "GOWORK=off"), dir, args...)
}

func goOutputWith(env []string, dir string, args ...string) ([]byte, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Env = dir, env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		why := bytes.ReplaceAll(bytes.TrimSpace(stderr.Bytes()), []byte("\n"), []byte("\n\t"))
		return out, fmt.Errorf("go %s: %w\n\t%s", strings.Join(args, " "), err, why)
	}
	return out, nil
}
