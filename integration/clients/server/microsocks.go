package server

import (
	"os/exec"
	"testing"
)

// SOCKS5 starts microsocks, and returns its address.
func SOCKS5(t testing.TB) string {
	t.Helper()
	path := find(t, "microsocks", "microsocks")
	addr := free(t, 1)[0]
	start(t, exec.Command(path, "-i", "127.0.0.1", "-p", port(addr)), accepts(addr))
	return addr
}
