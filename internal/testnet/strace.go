package testnet

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// straced is set in a process that runs under strace.
const straced = "NETSTATS_STRACED"

// markDir is where marks are looked for; it does not exist.
const markDir = "/netstats-mark/"

// A Trace holds the system calls that were made after each mark, by name.
type Trace map[string]map[string]int

// Strace runs the test that calls it a second time, in a process of its own
// under strace, and returns the system calls of the given names. In that
// process it returns nil and false: the test goes on, does what is to be
// traced, calls [Mark] between the parts, and returns. The test is skipped
// where strace does not work.
func Strace(t *testing.T, syscalls ...string) (Trace, bool) {
	t.Helper()
	if os.Getenv(straced) != "" {
		return nil, false
	}
	if exec.Command("strace", "-o", os.DevNull, "true").Run() != nil {
		t.Skip("strace is missing or may not trace: the system calls cannot be seen")
	}
	out := filepath.Join(t.TempDir(), "trace")
	cmd := exec.Command("strace", "-f", "-qq", "-o", out,
		"-e", "trace=openat,?"+strings.Join(syscalls, ",?"),
		os.Args[0], "-test.run=^"+regexp.QuoteMeta(t.Name())+"$", "-test.count=1", "-test.v")
	cmd.Env = append(os.Environ(), straced+"=1")
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("under strace: %v\n%s", err, output)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return parse(string(text)), true
}

// Mark has the system calls that follow found under name in the [Trace].
func Mark(name string) {
	if f, err := os.Open(markDir + name); err == nil {
		f.Close()
	}
}

var (
	callLine = regexp.MustCompile(`^\d+ +(\w+)\((.*)`)
	markLine = regexp.MustCompile(`"` + markDir + `([^"]*)"`)
)

// parse counts the calls that did not fail. A call that another thread
// interrupts takes two lines, of which the first has the name; it is counted
// whatever it returns.
func parse(text string) Trace {
	trace := make(Trace)
	mark := ""
	for line := range strings.Lines(text) {
		call := callLine.FindStringSubmatch(line)
		if call == nil {
			continue
		}
		if m := markLine.FindStringSubmatch(call[2]); m != nil {
			mark = m[1]
			continue
		}
		if strings.Contains(call[2], ") = -1 ") {
			continue
		}
		if trace[mark] == nil {
			trace[mark] = make(map[string]int)
		}
		trace[mark][strings.TrimSuffix(call[1], "64")]++ // sendfile64 on 32 bits
	}
	return trace
}
