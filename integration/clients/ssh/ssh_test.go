// Package ssh is the recipe for x/crypto/ssh, and sftp on top of it.
//
// There is no hook, but it takes a connection. The handshake has no deadline then: set
// one before, and clear it afterwards, if ClientConfig.Timeout is to hold for it.
package ssh

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"github.com/netstats-go/netstats/integration/clients/lab"
	"github.com/netstats-go/netstats/integration/clients/server"
	"github.com/netstats-go/netstats/otelnetstats"
)

var recipe = lab.Recipe{
	Library: "x/crypto/ssh, sftp", Module: "golang.org/x/crypto",
	Server:  "OpenSSH",
	Address: lab.Name, Parent: lab.Sometimes, Caller: "golang.org/x/crypto/ssh",
}

func wrap(
	ctx context.Context, address string, config *ssh.ClientConfig, tracker *otelnetstats.Tracker,
) (*ssh.Client, error) {
	conn, err := tracker.WrapDial(nil)(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	client, channels, requests, err := ssh.NewClientConn(conn, address, config)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return ssh.NewClient(client, channels, requests), nil
}

func TestRecipe(t *testing.T) {
	s := server.OpenSSH(t)
	recipe.Compare(t, lab.Case{Ends: "local"}, func(t *testing.T, w *lab.Way) {
		client, err := (*ssh.Client)(nil), error(nil)
		if tracker := w.Tracker; tracker != nil {
			client, err = wrap(w.Context(), w.Relay(s.Addr), s.Config, tracker)
		} else {
			client, err = ssh.Dial("tcp", w.Relay(s.Addr), s.Config)
		}
		w.Must("connect", err)
		defer client.Close()
		w.MarkAll()
		run(t, w, client)
		transfer(t, w, client)
		tunnel(t, w, client, s.Addr)
	})
}

func run(t *testing.T, w *lab.Way, client *ssh.Client) {
	t.Helper()
	session, err := client.NewSession()
	w.Must("session", err)
	defer session.Close()
	session.Stdin = bytes.NewReader(make([]byte, 1e6))
	out, err := session.CombinedOutput("wc -c; exit 3")
	w.Note("command", string(out), err)
}

func transfer(t *testing.T, w *lab.Way, client *ssh.Client) {
	t.Helper()
	files, err := sftp.NewClient(client)
	w.Must("sftp", err)
	defer files.Close()
	name := filepath.Join(t.TempDir(), "3MB")
	file, err := files.Create(name)
	w.Must("create", err)
	n, err := file.ReadFrom(bytes.NewReader(make([]byte, 3<<20)))
	w.Note("sent", n, err, file.Close())
	file, err = files.Open(name)
	w.Must("open", err)
	n, err = io.Copy(io.Discard, file)
	w.Note("received", n, err, file.Close())
	_, err = files.Stat("/nothing")
	w.Note("nothing", os.IsNotExist(err), err)
}

// tunnel has the server connect to itself.
func tunnel(t *testing.T, w *lab.Way, client *ssh.Client, address string) {
	t.Helper()
	conn, err := client.Dial("tcp", address)
	w.Must("tunnel", err)
	defer conn.Close()
	greeting := make([]byte, len("SSH-2.0"))
	_, err = io.ReadFull(conn, greeting)
	w.Note("greeting", fmt.Sprintf("%s", greeting), err)
}
