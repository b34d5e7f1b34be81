// Package connect is the recipe for connect-go.
//
// It takes a client of net/http: give it one with a wrapped transport.
package connect

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/netstats-go/netstats/integration/clients/lab"
	"github.com/netstats-go/netstats/otelnetstats"
)

var recipe = lab.Recipe{
	Library: "connect-go", Module: "connectrpc.com/connect",
	Server:  "connect-go, in the process",
	Address: lab.Name, Parent: lab.Always, Caller: "net/http",
}

func wrap(transport *http.Transport, tracker *otelnetstats.Tracker) {
	transport.DialContext = tracker.WrapDial(transport.DialContext)
}

type message = wrapperspb.BytesValue

func echo(_ context.Context, r *connect.Request[message]) (*connect.Response[message], error) {
	return connect.NewResponse(r.Msg), nil
}

func TestRecipe(t *testing.T) {
	const procedure = "/echo/Unary"
	mux := http.NewServeMux()
	mux.Handle(procedure, connect.NewUnaryHandler(procedure, echo))
	s := httptest.NewUnstartedServer(mux)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	defer s.Close()
	for name, options := range map[string][]connect.ClientOption{
		"Connect, HTTP/1": nil, "gRPC, HTTP/2": {connect.WithGRPC()},
	} {
		t.Run(name, func(t *testing.T) {
			recipe.Compare(t, lab.Case{Ends: "local"}, func(t *testing.T, w *lab.Way) {
				transport := http.DefaultTransport.(*http.Transport).Clone()
				if options != nil {
					transport.Protocols = new(http.Protocols)
					transport.Protocols.SetUnencryptedHTTP2(true)
				}
				if tracker := w.Tracker; tracker != nil {
					wrap(transport, tracker)
				}
				defer transport.CloseIdleConnections()
				url := "http://" + w.Relay(strings.TrimPrefix(s.URL, "http://"))
				client := connect.NewClient[message, message](&http.Client{Transport: transport}, url+procedure, options...)
				var users sync.WaitGroup
				for i := range 8 {
					users.Go(func() {
						in := wrapperspb.Bytes(bytes.Repeat([]byte{byte(i)}, 1e5))
						out, err := client.CallUnary(w.Context(), connect.NewRequest(in))
						if err != nil || !bytes.Equal(in.Value, out.Msg.Value) {
							t.Error(err)
						}
					})
				}
				users.Wait()
				w.MarkAll()
				nothing := connect.NewClient[message, message](&http.Client{Transport: transport}, url+"/nothing", options...)
				_, err := nothing.CallUnary(w.Context(), connect.NewRequest(wrapperspb.Bytes(nil)))
				w.Note("nothing", connect.CodeOf(err), err)
			})
		})
	}
}
