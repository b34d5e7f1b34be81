package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptCommands are for scripts besides those of testscript.
//
//	sink       starts a collector and has programs export to it
//	sunk FILE  writes what it received since it started, or since the last time
//	proxy      publishes the modules in testdata/mod; the module cache is empty
//	app DIR PATH  makes a module in DIR that has this command as a tool
func scriptCommands() map[string]func(ts *testscript.TestScript, neg bool, args []string) {
	return map[string]func(ts *testscript.TestScript, neg bool, args []string){
		"sink": func(ts *testscript.TestScript, _ bool, _ []string) { startSink(ts) },
		"sunk": func(ts *testscript.TestScript, _ bool, args []string) {
			got, err := sunk(ts.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"))
			ts.Check(err)
			ts.Check(os.WriteFile(ts.MkAbs(args[0]), got, 0o666))
		},
		"proxy": func(ts *testscript.TestScript, _ bool, _ []string) { useProxy(ts) },
		"app":   func(ts *testscript.TestScript, _ bool, args []string) { makeApp(ts, args[0], args[1]) },
	}
}

// buildSink builds the collector, once for all scripts. It is in the module that
// needs its formats anyway.
var buildSink = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "netstats-sink-*")
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, "sink.exe")
	out, err := exec.Command("go", "build", "-C", "auto", "-o", program, "./internal/sink").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, out)
	}
	return program, err
})

// startSink starts the collector, which ends with the script.
func startSink(ts *testscript.TestScript) {
	program, err := buildSink()
	ts.Check(err)
	cmd := exec.Command(program)
	stdin, err := cmd.StdinPipe()
	ts.Check(err)
	stdout, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		stdin.Close()
		ts.Check(cmd.Wait())
	})
	address, err := bufio.NewReader(stdout).ReadString('\n')
	ts.Check(err)
	address = strings.TrimSpace(address)
	ts.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+address)
	ts.Setenv("SINK", address)
}

func sunk(endpoint string) ([]byte, error) {
	resp, err := http.Get(endpoint)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, errors.New(resp.Status)
	}
	return io.ReadAll(resp.Body)
}

// makeApp has the go command add the tool to a new go.mod, as users do.
func makeApp(ts *testscript.TestScript, dir, path string) {
	root := ts.Getenv("ROOT")
	const tool = library + "/cmd/netstats"
	text := fmt.Sprintf("module %s\n\ngo 1.26.0\n\nrequire (\n\t%s v0.0.0\n\t%s v0.0.0\n)\n\nreplace (\n\t%[2]s => %[4]s\n\t%[3]s => %[5]s\n)\n",
		path, library, tool, root, filepath.Join(root, "cmd", "netstats"))
	mod := ts.MkAbs(filepath.Join(dir, "go.mod"))
	if more, err := os.ReadFile(ts.MkAbs(filepath.Join(dir, "more.mod"))); err == nil {
		text += string(more)
	}
	ts.Check(os.MkdirAll(filepath.Dir(mod), 0o777))
	ts.Check(os.WriteFile(mod, []byte(text), 0o666))
	ts.Check(ts.Exec("go", "-C", filepath.Dir(mod), "get", "-tool", tool+"@v0.0.0"))
}
