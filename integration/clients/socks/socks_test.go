// Package socks is the recipe for SOCKS5 by x/net/proxy.
//
// The proxy is what is dialed, and what server.address names. The connection that the
// library returns has no NetConn, so that Mark and Lookup do not see through it: mark
// those of tracker.Conns, or by a callback. http.Transport.Proxy needs none of this.
package socks

import (
	"bytes"
	"io"
	"net"
	"testing"

	"golang.org/x/net/proxy"

	"github.com/netstats-go/netstats/integration/clients/lab"
	"github.com/netstats-go/netstats/integration/clients/server"
	"github.com/netstats-go/netstats/otelnetstats"
)

var recipe = lab.Recipe{
	Library: "SOCKS5 by x/net/proxy", Module: "golang.org/x/net",
	Server:  "microsocks",
	Address: lab.Name, Parent: lab.Always, Caller: "golang.org/x/net/proxy, golang.org/x/net/internal/socks",
}

func wrap(address string, tracker *otelnetstats.Tracker) (proxy.Dialer, error) {
	return proxy.SOCKS5("tcp", address, nil, &otelnetstats.Dialer{Tracker: tracker})
}

func TestRecipe(t *testing.T) {
	s := server.SOCKS5(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				io.Copy(conn, conn)
			}()
		}
	}()
	recipe.Compare(t, lab.Case{Ends: "local, remote?"}, func(_ *testing.T, w *lab.Way) {
		address := w.Relay(s)
		dialer, err := proxy.SOCKS5("tcp", address, nil, nil)
		if tracker := w.Tracker; tracker != nil {
			dialer, err = wrap(address, tracker)
		}
		w.Must("dialer", err)
		conn, err := dialer.(proxy.ContextDialer).DialContext(w.Context(), "tcp", l.Addr().String())
		w.Must("dial", err)
		defer conn.Close()
		w.MarkAll()
		sent, received := bytes.Repeat([]byte("3 B"), 1e6), make([]byte, 3e6)
		go conn.Write(sent)
		_, err = io.ReadFull(conn, received)
		w.Note("echo", bytes.Equal(sent, received), err)
		_, err = dialer.(proxy.ContextDialer).DialContext(w.Context(), "tcp", "127.0.0.1:1")
		w.Note("refused", err)
	})
}
