// Package gomemcache is the recipe for gomemcache.
//
// It resolves names first, so that server.address is an IP address. Its own deadline
// for connecting is in the context that the dial function gets, which has no span.
package gomemcache

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/netstats-go/netstats/integration/clients/lab"
	"github.com/netstats-go/netstats/integration/clients/server"
	"github.com/netstats-go/netstats/otelnetstats"
)

var recipe = lab.Recipe{
	Library: "gomemcache", Module: "github.com/bradfitz/gomemcache",
	Server:  "memcached",
	Address: lab.IP, Parent: lab.Never, Caller: "github.com/bradfitz/gomemcache/memcache",
}

func wrap(client *memcache.Client, tracker *otelnetstats.Tracker) {
	client.DialContext = tracker.WrapDial(client.DialContext)
}

func TestRecipe(t *testing.T) {
	s := server.Memcached(t)
	recipe.Compare(t, lab.Case{Ends: "local"}, func(t *testing.T, w *lab.Way) {
		client := memcache.New(w.Relay(s))
		if tracker := w.Tracker; tracker != nil {
			wrap(client, tracker)
		}
		defer client.Close()
		client.MaxIdleConns = 4
		var users sync.WaitGroup
		for i := range 8 {
			users.Go(func() {
				for j := range 25 {
					key, value := fmt.Sprint(i, "-", j), bytes.Repeat([]byte("v"), 1+j*1000)
					if err := client.Set(&memcache.Item{Key: key, Value: value}); err != nil {
						t.Error(err)
					}
					if item, err := client.Get(key); err != nil || !bytes.Equal(item.Value, value) {
						t.Error(item, err)
					}
				}
			})
		}
		users.Wait()
		w.MarkAll()
		_, err := client.Get("nothing")
		w.Note("nothing", errors.Is(err, memcache.ErrCacheMiss), err)
		w.Note("too large", client.Set(&memcache.Item{Key: "k", Value: make([]byte, 2<<20)}))
	})
}
