package server

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// MariaDB starts MariaDB, which does TLS on its one address for clients that ask.
// The user is root, without a password, and the database test.
func MariaDB(t testing.TB) TLS {
	t.Helper()
	install := find(t, "mariadb-install-db", "mariadb-server")
	s := TLS{Addr: free(t, 1)[0], Certificate: NewCertificate(t)}
	s.TLSAddr = s.Addr
	dir := filepath.Join(folder(t, "mysql"), "data")
	run(t, as(t, exec.Command(install, "--no-defaults", "--datadir="+dir,
		"--auth-root-authentication-method=normal"), "mysql"))
	cert, key := s.files(t, dir, "mysql")
	start(t, as(t, exec.Command(find(t, "mariadbd", "mariadb-server"), "--no-defaults", "--datadir="+dir,
		"--port="+port(s.Addr), "--bind-address=127.0.0.1", "--socket="+filepath.Join(dir, "s"),
		"--skip-name-resolve", "--ssl-cert="+cert, "--ssl-key="+key, "--ssl-ca="+cert), "mysql"), greets(s.Addr))
	return s
}
