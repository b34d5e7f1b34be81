// Package ldap is the recipe for go-ldap.
//
// There is no hook, but it takes a connection. StartTLS goes on top of it; for ldaps,
// give NewConn a connection of (*otelnetstats.Dialer).TLS(config), and true.
package ldap

import (
	"context"
	"fmt"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"github.com/netstats-go/netstats/integration/clients/lab"
	"github.com/netstats-go/netstats/integration/clients/server"
	"github.com/netstats-go/netstats/otelnetstats"
)

var recipe = lab.Recipe{
	Library: "go-ldap", Module: "github.com/go-ldap/ldap/v3",
	Server:  "OpenLDAP",
	Address: lab.Name, Parent: lab.Sometimes, Caller: "github.com/go-ldap/ldap/v3",
}

func wrap(ctx context.Context, address string, tracker *otelnetstats.Tracker) (*ldap.Conn, error) {
	conn, err := tracker.WrapDial(nil)(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	client := ldap.NewConn(conn, false)
	client.Start()
	return client, nil
}

func TestRecipe(t *testing.T) {
	s := server.OpenLDAP(t)
	for _, startTLS := range []bool{false, true} {
		t.Run(map[bool]string{false: "plain", true: "StartTLS"}[startTLS], func(t *testing.T) {
			recipe.Compare(t, lab.Case{Ends: "local, remote?"}, func(_ *testing.T, w *lab.Way) {
				client, err := (*ldap.Conn)(nil), error(nil)
				if tracker := w.Tracker; tracker != nil {
					client, err = wrap(w.Context(), w.Relay(s.Addr), tracker)
				} else {
					client, err = ldap.DialURL("ldap://" + w.Relay(s.Addr))
				}
				w.Must("connect", err)
				defer client.Close()
				w.MarkAll()
				if startTLS {
					w.Must("StartTLS", client.StartTLS(s.Client()))
				}
				use(w, client)
			})
		})
	}
}

func use(w *lab.Way, client *ldap.Conn) {
	const base = "dc=example,dc=com"
	w.Note("wrong password", client.Bind("cn=admin,"+base, "wrong"))
	w.Must("bind", client.Bind("cn=admin,"+base, "secret"))
	var units []string
	for i := range 100 {
		units = append(units, fmt.Sprintf("ou=unit %d,%s", i, base))
		add := ldap.NewAddRequest(units[i], nil)
		add.Attribute("objectClass", []string{"organizationalUnit"})
		w.Must("add", client.Add(add))
	}
	found, err := client.SearchWithPaging(ldap.NewSearchRequest(base, ldap.ScopeWholeSubtree,
		ldap.NeverDerefAliases, 0, 0, false, "(objectClass=*)", nil, nil), 10)
	w.Must("search", err)
	w.Note("found", len(found.Entries))
	for _, name := range units {
		w.Must("delete", client.Del(ldap.NewDelRequest(name, nil)))
	}
	w.Note("delete again", client.Del(ldap.NewDelRequest(units[0], nil)))
}
