// Package etcd is the recipe for etcd's client.
//
// It dials by gRPC, outside of any call: dial spans have no parent. What holds for
// grpc-go holds here.
package etcd

import (
	"context"
	"fmt"
	"net"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"

	"github.com/netstats-go/netstats/integration/clients/lab"
	"github.com/netstats-go/netstats/integration/clients/server"
	"github.com/netstats-go/netstats/otelnetstats"
)

var recipe = lab.Recipe{
	Library: "etcd", Module: "go.etcd.io/etcd/client/v3",
	Server:  "etcd",
	Address: lab.Name, Parent: lab.Never, Caller: "google.golang.org/grpc/internal/transport",
}

func wrap(config *clientv3.Config, tracker *otelnetstats.Tracker) {
	dial := tracker.WrapDial(nil)
	config.DialOptions = append(config.DialOptions, grpc.WithContextDialer(
		func(ctx context.Context, address string) (net.Conn, error) { return dial(ctx, "tcp", address) },
	))
}

func TestRecipe(t *testing.T) {
	s := server.Etcd(t)
	recipe.Compare(t, lab.Case{Ends: "local"}, func(_ *testing.T, w *lab.Way) {
		config := clientv3.Config{Endpoints: []string{w.Relay(s)}}
		if tracker := w.Tracker; tracker != nil {
			wrap(&config, tracker)
		}
		client, err := clientv3.New(config)
		w.Must("client", err)
		defer client.Close()
		ctx, cancel := context.WithCancel(w.Context())
		defer cancel()
		watch := client.Watch(ctx, "key", clientv3.WithPrefix(), clientv3.WithCreatedNotify())
		w.Note("watch", (<-watch).Created)
		w.MarkAll()
		lease, err := client.Grant(ctx, 60)
		w.Must("lease", err)
		for i := range 100 {
			_, err := client.Put(ctx, fmt.Sprintf("key%02d", i), "value", clientv3.WithLease(lease.ID))
			w.Must("put", err)
		}
		for n := 0; n < 100; {
			n += len((<-watch).Events)
		}
		got, err := client.Get(ctx, "key", clientv3.WithPrefix())
		w.Must("get", err)
		w.Note("got", got.Count)
		unchanged := clientv3.Compare(clientv3.Value("key00"), "=", "value")
		done, err := client.Txn(ctx).If(unchanged).Then(clientv3.OpDelete("key00")).Commit()
		w.Must("transaction", err)
		w.Note("succeeded", done.Succeeded)
		_, err = client.Revoke(ctx, lease.ID)
		w.Must("revoke", err)
	})
}
