// Package coder is the recipe for coder/websocket.
//
// It dials by net/http: give it a client with a wrapped transport.
package coder

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/netstats-go/netstats/integration/clients/lab"
	"github.com/netstats-go/netstats/otelnetstats"
)

var recipe = lab.Recipe{
	Library: "coder/websocket", Module: "github.com/coder/websocket",
	Server:  "coder/websocket, in the process",
	Address: lab.Name, Parent: lab.Always, Caller: "net/http",
}

func wrap(options *websocket.DialOptions, tracker *otelnetstats.Tracker) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = tracker.WrapDial(transport.DialContext)
	options.HTTPClient = &http.Client{Transport: transport}
}

func TestRecipe(t *testing.T) {
	echo := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(rw, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.CloseNow()
		conn.SetReadLimit(-1)
		for {
			kind, data, err := conn.Read(r.Context())
			if err != nil {
				return
			}
			if err := conn.Write(r.Context(), kind, data); err != nil {
				return
			}
		}
	}))
	defer echo.Close()
	recipe.Compare(t, lab.Case{Ends: "local?, remote?"}, func(_ *testing.T, w *lab.Way) {
		options := new(websocket.DialOptions)
		if tracker := w.Tracker; tracker != nil {
			wrap(options, tracker)
		}
		url := "ws://" + w.Relay(strings.TrimPrefix(echo.URL, "http://"))
		conn, _, err := websocket.Dial(w.Context(), url, options) //nolint:bodyclose // it need not be
		w.Must("dial", err)
		defer conn.CloseNow()
		w.MarkAll()
		conn.SetReadLimit(-1)
		for n := range 20 {
			sent := bytes.Repeat([]byte{byte(n)}, 1<<n)
			w.Must("write", conn.Write(w.Context(), websocket.MessageBinary, sent))
			_, received, err := conn.Read(w.Context())
			w.Note("read", bytes.Equal(sent, received), err)
		}
		w.Must("bye", conn.Close(websocket.StatusNormalClosure, "bye"))
		_, _, err = conn.Read(w.Context())
		w.Note("closed", err)
	})
}
