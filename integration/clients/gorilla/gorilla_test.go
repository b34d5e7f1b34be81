// Package gorilla is the recipe for gorilla/websocket.
//
// The connection that the library shows by NetConn is the tracked one, also with TLS.
package gorilla

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/netstats-go/netstats/integration/clients/lab"
	"github.com/netstats-go/netstats/otelnetstats"
)

var recipe = lab.Recipe{
	Library: "gorilla/websocket", Module: "github.com/gorilla/websocket",
	Server:  "gorilla/websocket, in the process",
	Address: lab.Name, Parent: lab.Always, Caller: "github.com/gorilla/websocket",
}

func wrap(dialer *websocket.Dialer, tracker *otelnetstats.Tracker) {
	dialer.NetDialContext = tracker.WrapDial(dialer.NetDialContext)
}

func TestRecipe(t *testing.T) {
	echo := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		conn, err := new(websocket.Upgrader).Upgrade(rw, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		for {
			kind, data, err := conn.ReadMessage()
			if err != nil {
				return
			}
			if err := conn.WriteMessage(kind, data); err != nil {
				return
			}
		}
	}))
	defer echo.Close()
	recipe.Compare(t, lab.Case{Ends: "local?, remote?"}, func(_ *testing.T, w *lab.Way) {
		dialer := new(websocket.Dialer)
		if tracker := w.Tracker; tracker != nil {
			wrap(dialer, tracker)
		}
		url := "ws://" + w.Relay(strings.TrimPrefix(echo.URL, "http://"))
		conn, response, err := dialer.DialContext(w.Context(), url, nil)
		w.Must("dial", err)
		defer response.Body.Close()
		defer conn.Close()
		w.Mark(conn.NetConn())
		for n := range 20 {
			sent := bytes.Repeat([]byte{byte(n)}, 1<<n)
			w.Must("write", conn.WriteMessage(websocket.BinaryMessage, sent))
			_, received, err := conn.ReadMessage()
			w.Note("read", bytes.Equal(sent, received), err)
		}
		w.Must("bye", conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, "bye")))
		_, _, err = conn.ReadMessage()
		w.Note("closed", err)
	})
}
