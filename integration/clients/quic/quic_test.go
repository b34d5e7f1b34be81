// Package quic is the recipe for quic-go.
//
// quic-go reads past a *net.UDPConn, by its descriptor, and so past one that is
// tracked: what it sends would be counted, and nothing of what it receives. Hide that it
// is one, as below, and all is counted, at the price of a system call for each datagram.
// A capture build counts all and costs nothing of that.
package quic

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/netstats-go/netstats/integration/clients/lab"
	"github.com/netstats-go/netstats/integration/clients/server"
	"github.com/netstats-go/netstats/otelnetstats"
)

var recipe = lab.Recipe{
	Library: "quic-go", Module: "github.com/quic-go/quic-go",
	Server:  "quic-go, in the process",
	Address: lab.IP, Parent: lab.Sometimes, Caller: "github.com/netstats-go/netstats/integration/clients/quic",
}

func wrap(ctx context.Context, conn net.PacketConn, tracker *otelnetstats.Tracker) *quic.Transport {
	return &quic.Transport{Conn: struct{ net.PacketConn }{tracker.RegisterPacketConn(ctx, conn)}}
}

func TestRecipe(t *testing.T) {
	certificate := server.NewCertificate(t)
	address := serve(t, certificate)
	untraced := "strace does not show the address of a socket that is not connected"
	recipe.Compare(t, lab.Case{Ends: "local", Untraced: untraced}, func(_ *testing.T, w *lab.Way) {
		conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
		w.Must("listen", err)
		defer conn.Close()
		transport := &quic.Transport{Conn: conn}
		if tracker := w.Tracker; tracker != nil {
			transport = wrap(w.Context(), conn, tracker)
			defer transport.Conn.Close() // it is the caller's, and has the record
		}
		defer transport.Close()
		to, err := net.ResolveUDPAddr("udp4", w.RelayPackets(address))
		w.Must("address", err)
		config := certificate.Client()
		config.NextProtos = []string{"echo"}
		client, err := transport.Dial(w.Context(), to, config, nil)
		w.Must("dial", err)
		w.MarkAll()
		stream, err := client.OpenStreamSync(w.Context())
		w.Must("stream", err)
		sent := bytes.Repeat([]byte("1 MB"), 1<<18)
		go func() {
			stream.Write(sent)
			stream.Close()
		}()
		received, err := io.ReadAll(stream)
		w.Note("echo", bytes.Equal(sent, received), err)
		w.Must("close", client.CloseWithError(0, "bye"))
	})
}

// serve starts a server that sends back what it gets.
func serve(t *testing.T, certificate *server.Certificate) string {
	t.Helper()
	ctx := otelnetstats.ContextWithoutTracking(t.Context())
	conn, err := new(net.ListenConfig).ListenPacket(ctx, "udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: certificate.Server().Certificates, NextProtos: []string{"echo"}}
	transport := &quic.Transport{Conn: conn}
	// The client's last words may be lost.
	l, err := transport.Listen(config, &quic.Config{MaxIdleTimeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		transport.Close()
		conn.Close()
	})
	go func() {
		for {
			client, err := l.Accept(ctx)
			if err != nil {
				return
			}
			go func() {
				stream, err := client.AcceptStream(ctx)
				if err != nil {
					return
				}
				io.Copy(stream, stream)
				stream.Close()
			}()
		}
	}()
	return conn.LocalAddr().String()
}
