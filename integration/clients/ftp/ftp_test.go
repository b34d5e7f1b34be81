// Package ftp is the recipe for jlaffaye/ftp.
//
// The data connections are dialed by the function, too. With explicit TLS they stay as
// they were dialed, that is without: use implicit TLS and (*otelnetstats.Dialer).TLS.
// There is no context, so that dial spans have no parent.
package ftp

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/jlaffaye/ftp"

	"github.com/netstats-go/netstats/integration/clients/lab"
	"github.com/netstats-go/netstats/integration/clients/server"
	"github.com/netstats-go/netstats/otelnetstats"
)

var recipe = lab.Recipe{
	Library: "jlaffaye/ftp", Module: "github.com/jlaffaye/ftp",
	Server:  "vsftpd",
	Address: lab.IP, Parent: lab.Never, Caller: "github.com/jlaffaye/ftp",
}

func wrap(tracker *otelnetstats.Tracker) ftp.DialOption {
	dialer := &otelnetstats.Dialer{Tracker: tracker}
	return ftp.DialWithDialFunc(dialer.Dial)
}

func TestRecipe(t *testing.T) {
	s := server.FTP(t)
	// The data connections go to ports that the server names.
	recipe.Compare(t, lab.Case{Ends: "local, remote", Direct: true}, func(t *testing.T, w *lab.Way) {
		var options []ftp.DialOption
		if tracker := w.Tracker; tracker != nil {
			options = append(options, wrap(tracker))
		}
		_, port, err := net.SplitHostPort(w.Relay(s))
		w.Must("address", err)
		client, err := ftp.Dial("127.0.0.1:"+port, options...)
		w.Must("connect", err)
		w.MarkAll()
		use(t, w, client)
		w.Must("quit", client.Quit())
	})
}

func use(t *testing.T, w *lab.Way, client *ftp.ServerConn) {
	name := filepath.Join(t.TempDir(), "8MB")
	if err := os.WriteFile(name, make([]byte, 8<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	w.Must("open", err)
	defer file.Close()
	w.Must("login", client.Login("anonymous", "anonymous"), client.ChangeDir("up"))
	w.Must("store", client.Stor("8MB", file))
	list, err := client.NameList("")
	w.Note("list", list, err)
	body, err := client.Retr("8MB")
	w.Must("retrieve", err)
	n, err := io.Copy(io.Discard, body)
	w.Note("retrieved", n, err, body.Close())
	w.Must("delete", client.Delete("8MB"))
	_, err = client.Retr("nothing")
	w.Note("nothing", err)
}
