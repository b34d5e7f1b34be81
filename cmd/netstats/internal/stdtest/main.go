// Stdtest runs tests of the standard library three times, with the stock
// library, prepared for capture without hooks, and with hooks that watch
// everything, and compares the outcomes of all tests.
//
//	go run ./internal/stdtest [-race] [-run regexp] [packages]
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/netstats-go/netstats/internal/overlay"
)

func main() {
	race := flag.Bool("race", false, "with the race detector")
	run := flag.String("run", "", "only these tests")
	flag.Parse()
	packages := flag.Args()
	if len(packages) == 0 {
		packages = strings.Fields("syscall internal/poll os net net/http net/rpc net/smtp net/textproto crypto/tls")
	}
	args := []string{"-short", "-run=" + *run}
	if *race {
		args = append(args, "-race")
	}
	if err := compare(args, packages); err != nil {
		fmt.Fprintln(os.Stderr, "stdtest:", err)
		os.Exit(1)
	}
}

// A variant is a way to build the tests.
type variant struct{ name, overlay string }

// outcomes has what became of each test.
type outcomes map[test]string

type test struct{ pkg, name string }

func compare(args, packages []string) error {
	variants, cleanup, err := variants()
	if err != nil {
		return err
	}
	defer cleanup()
	var stock outcomes
	differences := 0
	for _, v := range variants {
		got, err := v.run(args, packages)
		if err != nil {
			return err
		}
		fmt.Printf("%-16s %s\n", v.name, got)
		if stock == nil {
			stock = got
			continue
		}
		differences += v.explain(args, variants[0], stock, got)
	}
	if differences > 0 {
		return fmt.Errorf("%d tests have another outcome", differences)
	}
	fmt.Println("no test has another outcome")
	return nil
}

// variants prepares the overlays, in a folder that cleanup removes.
func variants() (all []variant, cleanup func(), err error) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, nil, err
	}
	o, err := overlay.Make(overlay.Source{Root: strings.TrimSpace(string(out))}, overlay.Capture, "stdtest")
	if err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp("", "stdtest")
	if err != nil {
		return nil, nil, err
	}
	off, err := o.Store(dir, nil)
	if err != nil {
		return nil, nil, err
	}
	on, err := o.StoreSelfTest(dir)
	return []variant{{"stock", ""}, {"capture, no hook", off}, {"capture, hooks", on}}, func() { os.RemoveAll(dir) }, err
}

// run runs the tests. Failing ones are no error.
func (v variant) run(args, packages []string) (outcomes, error) {
	cmd := exec.Command("go", append(append([]string{"test", "-json", "-count=1", "-overlay=" + v.overlay}, args...), packages...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.Env = append(os.Environ(), "GOFLAGS=")
	cmd.Dir = filepath.Dir(v.overlay) // in no module
	stdout, err := cmd.Output()
	got := outcomes{}
	lines := bufio.NewScanner(bytes.NewReader(stdout))
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var event struct{ Action, Package, Test string }
		if json.Unmarshal(lines.Bytes(), &event) == nil && slices.Contains([]string{"pass", "fail", "skip"}, event.Action) {
			got[test{event.Package, event.Test}] = event.Action
		}
	}
	if len(got) == 0 {
		return nil, fmt.Errorf("%s: %w\n%s%s", v.name, err, stderr.Bytes(), stdout)
	}
	return got, lines.Err()
}

func (o outcomes) String() string {
	n := map[string]int{}
	for t, outcome := range o {
		if t.name != "" {
			n[outcome]++
		}
	}
	return fmt.Sprintf("%5d pass %4d skip %3d fail", n["pass"], n["skip"], n["fail"])
}

// explain prints the tests that have another outcome than with the stock
// library, and returns how many. Tests that depend on time fail now and then on
// a busy machine: the failing ones are run again, in both variants.
func (v variant) explain(args []string, stock variant, want, got outcomes) int {
	n := 0
	for t := range differing(want, got) {
		a, b := want[t], got[t]
		if t.name != "" && (a == "fail" || b == "fail") {
			a, b = stock.again(args, t, a), v.again(args, t, b)
		}
		if a == b {
			fmt.Printf("%s %s: %s, but %s with stock; %s in both when run again\n", t.pkg, t.name, or(got[t]), or(want[t]), a)
			continue
		}
		fmt.Printf("%s %s: %s, but %s with stock\n", t.pkg, t.name, or(b), or(a))
		n++
	}
	return n
}

// again runs one test up to three times and returns the best outcome.
func (v variant) again(args []string, t test, outcome string) string {
	for i := 0; i < 3 && outcome != "pass"; i++ {
		parts := strings.Split(t.name, "/")
		for i := range parts {
			parts[i] = "^" + regexp.QuoteMeta(parts[i]) + "$"
		}
		got, err := v.run(append(slices.Clone(args), "-run="+strings.Join(parts, "/")), []string{t.pkg})
		if err == nil {
			outcome = got[t]
		}
	}
	return outcome
}

// differing are the tests, not the packages as a whole, with two outcomes.
func differing(a, b outcomes) map[test]bool {
	all := map[test]bool{}
	for _, o := range []outcomes{a, b} {
		for t := range maps.Keys(o) {
			if t.name != "" && a[t] != b[t] {
				all[t] = true
			}
		}
	}
	return all
}

func or(outcome string) string {
	if outcome == "" {
		return "not run"
	}
	return outcome
}
