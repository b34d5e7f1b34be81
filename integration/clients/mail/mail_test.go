// Package mail is the recipe for go-mail.
//
// STARTTLS goes on top of the dial function. WithSSL does not: for that, give it
// (*otelnetstats.Dialer).TLS(config).
package mail

import (
	"errors"
	"io"
	"net"
	"strconv"
	"testing"

	"github.com/emersion/go-smtp"
	"github.com/wneessen/go-mail"

	"github.com/netstats-go/netstats/integration/clients/lab"
	"github.com/netstats-go/netstats/integration/clients/server"
	"github.com/netstats-go/netstats/otelnetstats"
)

var recipe = lab.Recipe{
	Library: "go-mail", Module: "github.com/wneessen/go-mail",
	Server:  "go-smtp, in the process",
	Address: lab.Name, Parent: lab.Always, Caller: "github.com/wneessen/go-mail",
}

func wrap(tracker *otelnetstats.Tracker) mail.Option {
	return mail.WithDialContextFunc(mail.DialContextFunc(tracker.WrapDial(nil)))
}

// A session takes all mail, but none to nobody.
type session struct{}

func (session) Reset()                               {}
func (session) Logout() error                        { return nil }
func (session) Mail(string, *smtp.MailOptions) error { return nil }

func (session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if to == "nobody@example.com" {
		return errors.New("nobody is not known here")
	}
	return nil
}

func (session) Data(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

func TestRecipe(t *testing.T) {
	certificate := server.NewCertificate(t)
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return session{}, nil
	}))
	s.Domain, s.TLSConfig = "localhost", certificate.Server()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	for name, policy := range map[string]mail.TLSPolicy{"plain": mail.NoTLS, "STARTTLS": mail.TLSMandatory} {
		t.Run(name, func(t *testing.T) {
			recipe.Compare(t, lab.Case{Ends: "local?, remote?"}, func(_ *testing.T, w *lab.Way) {
				host, port, err := net.SplitHostPort(w.Relay(l.Addr().String()))
				w.Must("address", err)
				number, err := strconv.Atoi(port)
				w.Must("port", err)
				options := []mail.Option{
					mail.WithPort(number), mail.WithTLSPolicy(policy), mail.WithTLSConfig(certificate.Client()),
				}
				if tracker := w.Tracker; tracker != nil {
					options = append(options, wrap(tracker))
				}
				client, err := mail.NewClient(host, options...)
				w.Must("client", err)
				w.Must("connect", client.DialWithContext(w.Context()))
				w.MarkAll()
				for _, to := range []string{"somebody@example.com", "nobody@example.com"} {
					m := mail.NewMsg()
					w.Must("addresses", m.From("me@example.com"), m.To(to))
					m.SetBodyString(mail.TypeTextPlain, "hello")
					w.Note(to, client.Send(m) == nil)
				}
				w.Must("close", client.Close())
			})
		})
	}
}
