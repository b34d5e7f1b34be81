// Package nats is the recipe for nats.go.
//
// It resolves names first, so that server.address is an IP address. It dials outside
// of any call, so that dial spans have no parent.
package nats

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/netstats-go/netstats/integration/clients/lab"
	"github.com/netstats-go/netstats/integration/clients/server"
	"github.com/netstats-go/netstats/otelnetstats"
)

var recipe = lab.Recipe{
	Library: "nats.go", Module: "github.com/nats-io/nats.go",
	Server:  "nats-server",
	Address: lab.IP, Parent: lab.Never, Caller: "github.com/nats-io/nats.go",
}

func wrap(tracker *otelnetstats.Tracker) nats.Option {
	return nats.SetCustomDialer(&otelnetstats.Dialer{Tracker: tracker})
}

func TestRecipe(t *testing.T) {
	s := server.NATS(t)
	recipe.Compare(t, lab.Case{Ends: "local, remote"}, func(t *testing.T, w *lab.Way) {
		again := make(chan struct{})
		options := []nats.Option{
			nats.ReconnectWait(10 * time.Millisecond), nats.ReconnectJitter(0, 0),
			nats.ReconnectHandler(func(*nats.Conn) { close(again) }),
		}
		if tracker := w.Tracker; tracker != nil {
			options = append(options, wrap(tracker))
		}
		conn, err := nats.Connect("nats://"+w.Relay(s), options...)
		w.Must("connect", err)
		defer conn.Close()
		use(t, w, conn)
		w.Note("hung up", w.Hangup())
		<-again
		use(t, w, conn)
	})
}

// use has eight goroutines ask and one answer, and publishes 8 MB.
func use(t *testing.T, w *lab.Way, conn *nats.Conn) {
	echo, err := conn.Subscribe("echo", func(m *nats.Msg) { m.Respond(m.Data) })
	w.Must("subscribe", err)
	w.MarkAll()
	var users sync.WaitGroup
	for i := range 8 {
		users.Go(func() {
			for j := range 25 {
				text := fmt.Sprint(i, j)
				m, err := conn.RequestWithContext(w.Context(), "echo", []byte(text))
				if err != nil || string(m.Data) != text {
					t.Errorf("%v: %v", m, err)
				}
			}
		})
	}
	users.Wait()
	large, err := conn.SubscribeSync("large")
	w.Must("subscribe", err)
	for range 8 {
		w.Must("publish", conn.Publish("large", make([]byte, 1e6)))
	}
	for range 8 {
		m, err := large.NextMsg(10 * time.Second)
		w.Must("next", err)
		w.Note("large", len(m.Data))
	}
	_, err = conn.Request("nobody", nil, time.Second)
	w.Note("nobody", err)
	w.Must("unsubscribe", echo.Unsubscribe(), large.Unsubscribe(), conn.Flush())
}
