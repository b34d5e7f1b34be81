package capture

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// echo answers each message with itself, whatever the method.
func echo(_ any, stream grpc.ServerStream) error {
	for {
		m := new(wrapperspb.BytesValue)
		if err := stream.RecvMsg(m); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if err := stream.SendMsg(m); err != nil {
			return err
		}
	}
}

// seen are credentials that show the connection that a client dialed.
type seen struct {
	credentials.TransportCredentials
	conn chan net.Conn
}

func (s seen) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	s.conn <- conn
	return s.TransportCredentials.ClientHandshake(ctx, authority, conn)
}

func (s seen) Clone() credentials.TransportCredentials {
	return seen{s.TransportCredentials.Clone(), s.conn}
}

func TestGRPC(t *testing.T) {
	lab := newLab(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	server := grpc.NewServer(grpc.UnknownServiceHandler(echo))
	go server.Serve(l)
	defer server.Stop()
	p := newProxy(t, l.Addr().String())

	creds := seen{insecure.NewCredentials(), make(chan net.Conn, 100)}
	client, err := grpc.NewClient(p.addr(), grpc.WithTransportCredentials(creds))
	must(t, err)
	defer client.Close()
	for range 10 {
		in, out := wrapperspb.Bytes(make([]byte, 1000)), new(wrapperspb.BytesValue)
		must(t, client.Invoke(t.Context(), "/test.Echo/Unary", in, out))
		if len(out.GetValue()) != 1000 {
			t.Fatalf("%d bytes came back", len(out.GetValue()))
		}
	}

	const count, size = 100, 50_000
	both := &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}
	stream, err := client.NewStream(t.Context(), both, "/test.Echo/Stream")
	must(t, err)
	done := make(chan error, 1)
	go func() {
		for range count {
			if err := stream.SendMsg(wrapperspb.Bytes(make([]byte, size))); err != nil {
				done <- err
				return
			}
		}
		done <- stream.CloseSend()
	}()
	for range count {
		m := new(wrapperspb.BytesValue)
		must(t, stream.RecvMsg(m))
		if len(m.GetValue()) != size {
			t.Fatalf("%d bytes came back", len(m.GetValue()))
		}
	}
	must(t, <-done)
	if err := stream.RecvMsg(new(wrapperspb.BytesValue)); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}

	// The server goes first: so the client reads to the end, and leaves no
	// answer to a ping in the kernel.
	server.Stop()
	if n := lab.balance(t, p); n != 1 {
		t.Errorf("%d connections", n)
	}
	wantPlain(t, <-creds.conn)
}
