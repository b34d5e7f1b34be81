package server

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"os"
	"os/exec"
	"testing"

	"golang.org/x/crypto/ssh"
)

// An SSH is an OpenSSH server.
type SSH struct {
	Addr   string
	Config *ssh.ClientConfig
}

// OpenSSH starts sshd, which lets in the user who runs the test, by a key.
func OpenSSH(t testing.TB) SSH {
	t.Helper()
	path := find(t, "sshd", "openssh-server")
	dir := folder(t, "")
	host, hostKey := newKey(t)
	user, _ := newKey(t)
	addr := free(t, 1)[0]
	name := os.Getenv("USER")
	if os.Geteuid() == 0 {
		name = "root"
		_ = os.Mkdir("/run/sshd", 0o755) // it insists, and it may be there
	}
	conf := write(t, dir, "conf", "", "ListenAddress "+addr, "HostKey "+write(t, dir, "host", "", hostKey),
		"AuthorizedKeysFile "+write(t, dir, "authorized", "", string(ssh.MarshalAuthorizedKey(user.PublicKey()))),
		"PidFile none", "UsePAM no", "StrictModes no", "PermitRootLogin yes", "PasswordAuthentication no",
		"AllowTcpForwarding yes", "Subsystem sftp internal-sftp")
	start(t, exec.Command(path, "-D", "-e", "-f", conf), greets(addr))
	return SSH{Addr: addr, Config: &ssh.ClientConfig{
		User: name, Auth: []ssh.AuthMethod{ssh.PublicKeys(user)}, HostKeyCallback: ssh.FixedHostKey(host.PublicKey()),
	}}
}

// newKey returns a key, and the file of it.
func newKey(t testing.TB) (ssh.Signer, string) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer, string(pem.EncodeToMemory(block))
}
