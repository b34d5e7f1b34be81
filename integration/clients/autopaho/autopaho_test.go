// Package autopaho is the recipe for Eclipse Paho's client for MQTT 5.
//
// It relies on a writev of its packets being one call, as it is for a *net.TCPConn, and
// a tracked connection keeps that on Linux. What such calls move is counted, but not how
// many there were: the connection's write operations are none.
//
// The hook takes the place of the library's TLS: with it, give the function
// (*otelnetstats.Dialer).TLS(config).
package autopaho

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/eclipse/paho.golang/autopaho"
	"github.com/eclipse/paho.golang/paho"

	"github.com/netstats-go/netstats/integration/clients/lab"
	"github.com/netstats-go/netstats/integration/clients/server"
	"github.com/netstats-go/netstats/otelnetstats"
)

var recipe = lab.Recipe{
	Library: "autopaho (MQTT 5)", Module: "github.com/eclipse/paho.golang",
	Server:  "mosquitto",
	Address: lab.Name, Parent: lab.Always, Caller: "github.com/eclipse/paho.golang/autopaho",
}

func wrap(config *autopaho.ClientConfig, tracker *otelnetstats.Tracker) {
	dial := tracker.WrapDial(nil)
	config.AttemptConnection = func(ctx context.Context, _ autopaho.ClientConfig, server *url.URL) (net.Conn, error) {
		return dial(ctx, "tcp", server.Host)
	}
}

func TestRecipe(t *testing.T) {
	s := server.Mosquitto(t)
	recipe.Compare(t, lab.Case{Ends: "local?, remote?"}, func(t *testing.T, w *lab.Way) {
		var received sync.WaitGroup
		received.Add(16 * 200)
		config := autopaho.ClientConfig{
			ServerUrls: []*url.URL{{Scheme: "mqtt", Host: w.Relay(s.Addr)}}, KeepAlive: 20,
			ClientConfig: paho.ClientConfig{ClientID: "netstats", OnPublishReceived: []func(paho.PublishReceived) (bool, error){
				func(paho.PublishReceived) (bool, error) { received.Done(); return true, nil },
			}},
		}
		if tracker := w.Tracker; tracker != nil {
			wrap(&config, tracker)
		}
		client, err := autopaho.NewConnection(w.Context(), config)
		w.Must("client", err)
		w.Must("connect", client.AwaitConnection(w.Context()))
		w.MarkAll()
		_, err = client.Subscribe(w.Context(), &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: "t/#", QoS: 1}}})
		w.Must("subscribe", err)
		var users sync.WaitGroup
		for i := range 16 {
			users.Go(func() {
				for j := range 200 {
					if _, err := client.Publish(w.Context(), &paho.Publish{
						Topic: fmt.Sprint("t/", i), QoS: byte(j % 2), Payload: fmt.Append(nil, "message ", j),
					}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		users.Wait()
		received.Wait()
		w.Must("disconnect", client.Disconnect(w.Context()))
		<-client.Done()
	})
}
