// Package consul is the recipe for Consul's client.
//
// Wrap the dial function of its own transport.
package consul

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hashicorp/consul/api"

	"github.com/netstats-go/netstats/integration/clients/lab"
	"github.com/netstats-go/netstats/otelnetstats"
)

var recipe = lab.Recipe{
	Library: "Consul", Module: "github.com/hashicorp/consul/api",
	Server:  "a stand-in of net/http",
	Address: lab.Name, Parent: lab.Always, Caller: "net/http",
}

func wrap(config *api.Config, tracker *otelnetstats.Tracker) {
	config.Transport.DialContext = tracker.WrapDial(config.Transport.DialContext)
}

func TestRecipe(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			io.Copy(io.Discard, r.Body)
			io.WriteString(rw, "true")
			return
		}
		if strings.HasSuffix(r.URL.Path, "/nothing") {
			rw.WriteHeader(http.StatusNotFound)
			return
		}
		io.WriteString(rw, `[{"Key": "key", "Value": "dmFsdWU="}]`)
	}))
	defer s.Close()
	recipe.Compare(t, lab.Case{Ends: "local"}, func(_ *testing.T, w *lab.Way) {
		config := api.DefaultConfig()
		config.Address = w.Relay(strings.TrimPrefix(s.URL, "http://"))
		if tracker := w.Tracker; tracker != nil {
			wrap(config, tracker)
		}
		client, err := api.NewClient(config)
		w.Must("client", err)
		defer config.Transport.CloseIdleConnections()
		pair := &api.KVPair{Key: "key", Value: make([]byte, 100_000)}
		_, err = client.KV().Put(pair, new(api.WriteOptions).WithContext(w.Context()))
		w.Must("put", err)
		w.MarkAll()
		for _, key := range []string{"key", "nothing"} {
			pair, _, err := client.KV().Get(key, new(api.QueryOptions).WithContext(w.Context()))
			w.Note(key, pair != nil && string(pair.Value) == "value", err)
		}
	})
}
