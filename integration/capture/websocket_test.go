package capture

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"testing"

	"github.com/coder/websocket"
)

func TestWebSocket(t *testing.T) {
	const count, size = 50, 30_000
	lab := newLab(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.CloseNow()
		for {
			kind, message, err := conn.Read(r.Context())
			if err != nil {
				return
			}
			if err := conn.Write(r.Context(), kind, message); err != nil {
				t.Error(err)
				return
			}
		}
	}))
	defer server.Close()
	p := newProxy(t, server.Listener.Addr().String())

	var plain net.Conn
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { plain = info.Conn },
	})
	conn, answer, err := websocket.Dial(ctx, "ws://"+p.addr(), nil)
	must(t, err)
	defer conn.CloseNow()
	if answer.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(answer.Status)
	}
	wantPlain(t, plain)
	for range count {
		must(t, conn.Write(t.Context(), websocket.MessageBinary, make([]byte, size)))
		_, r, err := conn.Reader(t.Context())
		must(t, err)
		if n, err := io.Copy(io.Discard, r); n != size || err != nil {
			t.Fatalf("%d bytes came back: %v", n, err)
		}
	}
	must(t, conn.Close(websocket.StatusNormalClosure, ""))
	if n := lab.balance(t, p); n != 1 {
		t.Errorf("%d connections", n)
	}
}
