package testnet

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Main is a TestMain that fails if the tests leave goroutines behind, or if a check
// at their end fails, which is told whether they passed.
func Main(m *testing.M, checks ...func(passed bool) error) {
	before := runtime.NumGoroutine()
	code := m.Run()
	if fuzzing() {
		os.Exit(code) //nolint:revive // the coordinator leaves goroutines of its own
	}
	if left := Settle(before); code == 0 && left != "" {
		fmt.Fprintf(os.Stderr, "goroutines outlive their tests:\n%s", left)
		code = 1
	}
	passed := code == 0
	for _, check := range checks {
		if err := check(passed); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code) //nolint:revive // this is what a TestMain does
}

func fuzzing() bool {
	f := flag.Lookup("test.fuzz")
	return f != nil && f.Value.String() != ""
}

// Settle waits until no more than the given number of goroutines run, and
// returns the stacks of all if that does not happen.
func Settle(goroutines int) string {
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		stacks := stacks()
		if strings.Count(stacks, "\n\n")+1 <= goroutines {
			return ""
		}
		if time.Now().After(deadline) {
			return stacks
		}
	}
}

// stacks returns the stacks of all goroutines but the runtime's.
func stacks() string {
	for size := 1 << 16; ; size *= 2 {
		buf := make([]byte, size)
		if n := runtime.Stack(buf, true); n < size {
			return string(buf[:n])
		}
	}
}
