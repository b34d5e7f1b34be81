package testnet

import (
	"os"
	"testing"
)

// shortDir is t.TempDir with a path that does not grow with the test's name:
// that of a unix socket is limited to about 100 bytes.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ns") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
