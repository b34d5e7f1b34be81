package server

import (
	"os/exec"
	"testing"
)

// NATS starts nats-server, and returns its address.
func NATS(t testing.TB) string {
	t.Helper()
	path := find(t, "nats-server", "nats-server")
	addr := free(t, 1)[0]
	start(t, exec.Command(path, "-a", "127.0.0.1", "-p", port(addr)), greets(addr))
	return addr
}
