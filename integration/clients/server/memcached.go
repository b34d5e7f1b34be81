package server

import (
	"os/exec"
	"testing"
)

// Memcached starts memcached, and returns its address.
func Memcached(t testing.TB) string {
	t.Helper()
	path := find(t, "memcached", "memcached")
	addr := free(t, 1)[0]
	start(t, as(t, exec.Command(path, "-l", "127.0.0.1", "-p", port(addr), "-U", "0"), "memcache"), accepts(addr))
	return addr
}
