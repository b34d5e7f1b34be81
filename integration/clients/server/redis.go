package server

import (
	"bufio"
	"fmt"
	"os/exec"
	"testing"
)

// A TLS is a server that has an address for plain connections and one for TLS.
type TLS struct {
	Addr, TLSAddr string
	*Certificate
}

// Redis starts Redis.
func Redis(t testing.TB) TLS {
	t.Helper()
	path := find(t, "redis-server", "redis-server")
	s := TLS{Certificate: NewCertificate(t)}
	dir := folder(t, "")
	cert, key := s.files(t, dir, "")
	addrs := free(t, 2)
	s.Addr, s.TLSAddr = addrs[0], addrs[1]
	start(t, exec.Command(path, "--bind", "127.0.0.1", "--save", "", "--dir", dir,
		"--port", port(s.Addr), "--tls-port", port(s.TLSAddr),
		"--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert,
		"--tls-auth-clients", "no"), accepts(addrs...))
	return s
}

// TellRedis sends Redis a command, on a connection that nobody tracks, and
// returns the first line of the answer.
func TellRedis(t testing.TB, s TLS, command string) string {
	t.Helper()
	c, err := Dial(t.Context(), "tcp", s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "%s\r\n", command)
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return line
}
