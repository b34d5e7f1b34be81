package server

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// PostgreSQL starts PostgreSQL, which does TLS on its one address for clients
// that ask. The user is pg, without a password, and so is the database postgres.
func PostgreSQL(t testing.TB) TLS {
	t.Helper()
	const binaries = "/usr/lib/postgresql/*/bin"
	path, ready := find(t, "initdb", "postgresql", binaries), find(t, "pg_isready", "postgresql", binaries)
	s := TLS{Addr: free(t, 1)[0], Certificate: NewCertificate(t)}
	s.TLSAddr = s.Addr
	dir := filepath.Join(folder(t, "postgres"), "data")
	run(t, as(t, exec.Command(path, "-D", dir, "-U", "pg", "-A", "trust", "--no-sync"), "postgres"))
	cert, key := s.files(t, dir, "postgres")
	start(t, as(t, exec.Command(find(t, "postgres", "postgresql", binaries), "-D", dir, "-p", port(s.Addr),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="+dir, "-c", "fsync=off",
		"-c", "ssl=on", "-c", "ssl_cert_file="+cert, "-c", "ssl_key_file="+key), "postgres"),
		func() error { return exec.Command(ready, "-h", "127.0.0.1", "-p", port(s.Addr)).Run() })
	return s
}
