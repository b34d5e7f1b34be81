// Package grpc is the recipe for grpc-go.
//
// With the scheme dns, which is the default, gRPC resolves names by itself, and
// server.address is an IP address; with passthrough it is the name. It dials by
// itself, outside of any call, so that dial spans have no parent.
//
// With a dialer of one's own, HTTPS_PROXY is not heeded. What gRPC does with a
// *net.TCPConn only, it does not with one that is wrapped: it does not set
// TCP_USER_TIMEOUT, and an idle connection keeps its read buffer of 32 KiB. Both are
// as ever in a capture build.
package grpc

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/netstats-go/netstats/integration/clients/lab"
	"github.com/netstats-go/netstats/integration/clients/server"
	"github.com/netstats-go/netstats/otelnetstats"
)

var recipe = lab.Recipe{
	Library: "grpc-go", Module: "google.golang.org/grpc",
	Server:  "grpc-go, in the process",
	Address: lab.Name, Parent: lab.Never, Caller: "google.golang.org/grpc/internal/transport",
}

func wrap(tracker *otelnetstats.Tracker) grpc.DialOption {
	dial := tracker.WrapDial(nil)
	return grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
		return dial(ctx, "tcp", address)
	})
}

func TestRecipe(t *testing.T) {
	certificate := server.NewCertificate(t)
	for name, creds := range map[string][2]credentials.TransportCredentials{
		"plain": {insecure.NewCredentials(), insecure.NewCredentials()},
		"TLS":   {credentials.NewTLS(certificate.Server()), credentials.NewTLS(certificate.Client())},
	} {
		t.Run(name, func(t *testing.T) {
			address := serve(t, grpc.Creds(creds[0]))
			recipe.Compare(t, lab.Case{Ends: "local, remote?"}, func(t *testing.T, w *lab.Way) {
				options := []grpc.DialOption{grpc.WithTransportCredentials(creds[1])}
				if tracker := w.Tracker; tracker != nil {
					options = append(options, wrap(tracker))
				}
				client, err := grpc.NewClient("passthrough:///"+w.Relay(address), options...)
				w.Must("client", err)
				defer client.Close()
				use(t, w, client)
			})
		})
	}
}

// serve starts a server that answers each message with itself, whatever the method.
func serve(t *testing.T, options ...grpc.ServerOption) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(append(options, grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		for {
			m := new(wrapperspb.BytesValue)
			if err := stream.RecvMsg(m); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			if err := stream.SendMsg(m); err != nil {
				return err
			}
		}
	}))...)
	go s.Serve(l)
	t.Cleanup(s.Stop)
	return l.Addr().String()
}

// use makes a large call, eight streams at once, and a call that is not in time.
func use(t *testing.T, w *lab.Way, client *grpc.ClientConn) {
	in, out := wrapperspb.Bytes(bytes.Repeat([]byte("3 B"), 1e6)), new(wrapperspb.BytesValue)
	w.Must("call", client.Invoke(w.Context(), "/echo/Unary", in, out))
	w.Note("answer", bytes.Equal(in.Value, out.Value))
	w.MarkAll()
	var users sync.WaitGroup
	for range 8 {
		users.Go(func() {
			stream := open(t, w.Context(), client)
			for range 50 {
				if err := stream.SendMsg(wrapperspb.Bytes(make([]byte, 10_000))); err != nil {
					t.Error(err)
				}
				if err := stream.RecvMsg(out); err != nil {
					t.Error(err)
				}
			}
			w.Note("end", "of a stream", stream.CloseSend(), stream.RecvMsg(out))
		})
	}
	users.Wait()
	ctx, cancel := context.WithTimeout(w.Context(), 50*time.Millisecond)
	defer cancel()
	w.Note("not in time", status.Code(open(t, ctx, client).RecvMsg(out)))
}

func open(t *testing.T, ctx context.Context, client *grpc.ClientConn) grpc.ClientStream { //nolint:revive // a test's helper
	t.Helper()
	both := &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}
	stream, err := client.NewStream(ctx, both, "/echo/Stream")
	if err != nil {
		t.Error(err)
	}
	return stream
}
