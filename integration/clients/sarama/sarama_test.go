// Package sarama is the recipe for sarama.
//
// The hook is that for a proxy. The timeout and the keep-alive of the configuration do
// not reach it: put them into its Base. Dial spans have no parent.
//
// Sarama asks the option SO_ERROR of a *net.TCPConn to find out whether an idle
// connection is alive, and of one that is wrapped it cannot: have it retry, as it does
// unless told otherwise, or use a capture build.
package sarama

import (
	"fmt"
	"net"
	"testing"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/netstats-go/netstats/integration/clients/lab"
	"github.com/netstats-go/netstats/otelnetstats"
)

var recipe = lab.Recipe{
	Library: "sarama", Module: "github.com/IBM/sarama",
	Server:  "kfake, in the process",
	Address: lab.Name, Parent: lab.Never, Caller: "github.com/IBM/sarama",
}

func wrap(config *sarama.Config, tracker *otelnetstats.Tracker) {
	config.Net.Proxy.Enable = true
	config.Net.Proxy.Dialer = &otelnetstats.Dialer{
		Base:    &net.Dialer{Timeout: config.Net.DialTimeout, KeepAlive: config.Net.KeepAlive},
		Tracker: tracker,
	}
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
		config := sarama.NewConfig()
		config.Producer.Return.Successes = true
		config.Version = sarama.V2_8_0_0
		if tracker := w.Tracker; tracker != nil {
			wrap(config, tracker)
		}
		client, err := sarama.NewClient(cluster.ListenAddrs(), config)
		w.Must("client", err)
		defer client.Close()

		producer, err := sarama.NewSyncProducerFromClient(client)
		w.Must("producer", err)
		for i := range 100 {
			value := sarama.StringEncoder(fmt.Sprint("message ", i))
			_, offset, err := producer.SendMessage(&sarama.ProducerMessage{Topic: "t", Value: value})
			w.Note("offset", offset, err)
		}
		w.MarkAll()
		consumer, err := sarama.NewConsumerFromClient(client)
		w.Must("consumer", err)
		partition, err := consumer.ConsumePartition("t", 0, sarama.OffsetOldest)
		w.Must("partition", err)
		for range 100 {
			w.Note("message", string((<-partition.Messages()).Value))
		}
		w.Must("close", partition.Close(), consumer.Close(), producer.Close())
	})
}
