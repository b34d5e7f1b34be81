package testnet

import (
	"bytes"
	"runtime"
	"testing"
	"time"
)

// AwaitBlocked waits until at least n goroutines are in the given function, which
// is one that blocks, written as in a stack trace.
func AwaitBlocked(t testing.TB, function string, n int) {
	t.Helper()
	buf := make([]byte, 1<<20)
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		stacks := buf[:runtime.Stack(buf, true)]
		if bytes.Count(stacks, []byte("\n"+function+"(")) >= n {
			return
		}
	}
	t.Fatalf("no %d goroutines have come to %s", n, function)
}
