// Package paho is the recipe for Eclipse Paho's client for MQTT 3.
//
// The hook takes the place of the library's TLS: with it, give the function
// (*otelnetstats.Dialer).TLS(config). There is no context, so that dial spans have no
// parent.
package paho

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/netstats-go/netstats/integration/clients/lab"
	"github.com/netstats-go/netstats/integration/clients/server"
	"github.com/netstats-go/netstats/otelnetstats"
)

var recipe = lab.Recipe{
	Library: "paho (MQTT 3)", Module: "github.com/eclipse/paho.mqtt.golang",
	Server:  "mosquitto",
	Address: lab.Name, Parent: lab.Never, Caller: "github.com/eclipse/paho.mqtt.golang, golang.org/x/net/proxy",
}

func wrap(options *mqtt.ClientOptions, tracker *otelnetstats.Tracker) {
	options.SetCustomOpenConnectionFn(func(uri *url.URL, o mqtt.ClientOptions) (net.Conn, error) {
		dial := tracker.WrapDial((&net.Dialer{Timeout: o.ConnectTimeout}).DialContext)
		return dial(context.Background(), "tcp", uri.Host)
	})
}

func TestRecipe(t *testing.T) {
	s := server.Mosquitto(t)
	recipe.Compare(t, lab.Case{Ends: "local?, remote?"}, func(_ *testing.T, w *lab.Way) {
		options := mqtt.NewClientOptions().AddBroker("tcp://" + w.Relay(s.Addr)).SetClientID("netstats")
		if tracker := w.Tracker; tracker != nil {
			wrap(options, tracker)
		}
		client := mqtt.NewClient(options)
		token := client.Connect()
		token.Wait()
		w.Must("connect", token.Error())
		defer client.Disconnect(250)
		w.MarkAll()

		var received sync.WaitGroup
		received.Add(16 * 50)
		token = client.Subscribe("t/#", 1, func(mqtt.Client, mqtt.Message) { received.Done() })
		token.Wait()
		w.Must("subscribe", token.Error())
		for i := range 16 {
			go func() {
				for j := range 50 {
					client.Publish(fmt.Sprint("t/", i), byte(j%2), false, fmt.Sprint("message ", j)).WaitTimeout(time.Minute)
				}
			}()
		}
		received.Wait()
	})
}
