// Package kafkago is the recipe for kafka-go.
//
// Writers have a Transport, Readers a Dialer; the timeouts are those that both have if
// left alone. They dial by themselves, so that dial spans have no parent.
package kafkago

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/netstats-go/netstats/integration/clients/lab"
	"github.com/netstats-go/netstats/otelnetstats"
)

var recipe = lab.Recipe{
	Library: "kafka-go", Module: "github.com/segmentio/kafka-go",
	Server:  "kfake, in the process",
	Address: lab.Name, Parent: lab.Never, Caller: "github.com/segmentio/kafka-go",
}

func wrap(transport *kafka.Transport, dialer *kafka.Dialer, tracker *otelnetstats.Tracker) {
	transport.Dial = tracker.WrapDial((&net.Dialer{Timeout: 3 * time.Second}).DialContext)
	dialer.DialFunc = tracker.WrapDial((&net.Dialer{Timeout: 10 * time.Second}).DialContext)
}

func TestRecipe(t *testing.T) {
	recipe.Compare(t, lab.Case{Ends: "local"}, func(_ *testing.T, w *lab.Way) {
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"),
			kfake.ListenFn(func(network, _ string) (net.Listener, error) {
				l, err := net.Listen(network, "127.0.0.1:0")
				return w.Advertise(l), err
			}))
		w.Must("cluster", err)
		defer cluster.Close()
		transport, dialer := new(kafka.Transport), &kafka.Dialer{Timeout: 10 * time.Second}
		if tracker := w.Tracker; tracker != nil {
			wrap(transport, dialer, tracker)
		}
		defer transport.CloseIdleConnections()
		writer := &kafka.Writer{
			Addr: kafka.TCP(cluster.ListenAddrs()...), Topic: "t",
			Transport: transport, BatchTimeout: 10 * time.Millisecond,
		}
		defer writer.Close()
		var messages []kafka.Message
		for i := range 1000 {
			messages = append(messages, kafka.Message{Value: fmt.Append(nil, "message ", i)})
		}
		w.Must("write", writer.WriteMessages(w.Context(), messages...))
		w.MarkAll()

		reader := kafka.NewReader(kafka.ReaderConfig{
			Brokers: cluster.ListenAddrs(), Topic: "t", Dialer: dialer, MaxWait: 100 * time.Millisecond,
		})
		defer reader.Close()
		for range messages {
			m, err := reader.ReadMessage(w.Context())
			w.Note("message", string(m.Value), err)
		}
	})
}
