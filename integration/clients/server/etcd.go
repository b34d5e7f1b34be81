package server

import (
	"os/exec"
	"testing"
)

// Etcd starts etcd, and returns its address.
func Etcd(t testing.TB) string {
	t.Helper()
	path := find(t, "etcd", "etcd-server")
	addrs := free(t, 2)
	client, peer := "http://"+addrs[0], "http://"+addrs[1]
	start(t, exec.Command(path, "--data-dir", folder(t, ""), "--unsafe-no-fsync",
		"--listen-client-urls", client, "--advertise-client-urls", client,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
		"--initial-cluster", "default="+peer), accepts(addrs[0]))
	return addrs[0]
}
