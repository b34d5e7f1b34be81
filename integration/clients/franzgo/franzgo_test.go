// Package franzgo is the recipe for franz-go.
//
// It cannot have both a Dialer and a DialTLSConfig: with TLS, give it
// (*otelnetstats.Dialer).TLS(config). It dials by itself for the most part, so that few
// dial spans have a parent.
package franzgo

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/netstats-go/netstats/integration/clients/lab"
	"github.com/netstats-go/netstats/otelnetstats"
)

var recipe = lab.Recipe{
	Library: "franz-go", Module: "github.com/twmb/franz-go",
	Server:  "kfake, in the process",
	Address: lab.Name, Parent: lab.Sometimes, Caller: "github.com/twmb/franz-go/pkg/kgo",
}

func wrap(tracker *otelnetstats.Tracker) kgo.Opt {
	return kgo.Dialer(tracker.WrapDial((&net.Dialer{Timeout: 10 * time.Second}).DialContext))
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
		options := []kgo.Opt{kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.ConsumeTopics("t")}
		if tracker := w.Tracker; tracker != nil {
			options = append(options, wrap(tracker))
		}
		client, err := kgo.NewClient(options...)
		w.Must("client", err)
		defer client.Close()

		w.Must("ping", client.Ping(w.Context()))
		w.MarkAll()
		var records []*kgo.Record
		for i := range 1000 {
			records = append(records, &kgo.Record{Topic: "t", Value: fmt.Append(nil, "record ", i)})
		}
		w.Must("produce", client.ProduceSync(w.Context(), records...).FirstErr())
		for n := 0; n < len(records); {
			fetches := client.PollFetches(w.Context())
			w.Must("fetch", fetches.Err())
			n += fetches.NumRecords()
			for r := range fetches.RecordsAll() {
				w.Note("record", string(r.Value))
			}
		}
		_, err = client.ProduceSync(w.Context(), &kgo.Record{Topic: "t", Value: make([]byte, 2<<20)}).First()
		w.Note("too large", err)
	})
}
