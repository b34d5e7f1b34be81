package testnet

import (
	"bytes"
	"runtime"
	"testing"
	"time"
)

// AwaitBlocked waits until at least n goroutines wait in the given function,
// written as in a stack trace.
func AwaitBlocked(t testing.TB, function string, n int) {
	t.Helper()
	buf := make([]byte, 1<<20)
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if waitingIn(function, buf[:runtime.Stack(buf, true)]) >= n {
			return
		}
	}
	t.Fatalf("no %d goroutines wait in %s", n, function)
}

// waitingIn counts the goroutines that wait in a function. One that could run may
// have done nothing of it yet: goroutines are stopped where a function begins.
func waitingIn(function string, stacks []byte) (n int) {
	for stack := range bytes.SplitSeq(stacks, []byte("\n\n")) {
		state, frames, _ := bytes.Cut(stack, []byte("\n"))
		could := bytes.Contains(state, []byte("[run")) || bytes.Contains(state, []byte("[preempted"))
		if !could && bytes.Contains(append([]byte("\n"), frames...), []byte("\n"+function+"(")) {
			n++
		}
	}
	return n
}
