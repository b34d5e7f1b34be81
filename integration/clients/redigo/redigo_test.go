// Package redigo is the recipe for redigo.
//
// TLS goes on top of the dial function, as redigo does it.
package redigo

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/netstats-go/netstats/integration/clients/lab"
	"github.com/netstats-go/netstats/integration/clients/server"
	"github.com/netstats-go/netstats/otelnetstats"
)

var recipe = lab.Recipe{
	Library: "redigo", Module: "github.com/gomodule/redigo",
	Server:  "Redis",
	Address: lab.Name, Parent: lab.Always, Caller: "github.com/gomodule/redigo/redis",
}

func wrap(tracker *otelnetstats.Tracker) redis.DialOption {
	return redis.DialContextFunc(tracker.WrapDial(nil))
}

func TestRecipe(t *testing.T) {
	s := server.Redis(t)
	for _, secure := range []bool{false, true} {
		t.Run(map[bool]string{false: "plain", true: "TLS"}[secure], func(t *testing.T) {
			recipe.Compare(t, lab.Case{Ends: "local, remote?, timeout", Errors: "timeout"}, func(t *testing.T, w *lab.Way) {
				address := w.Relay(s.Addr)
				options := []redis.DialOption{redis.DialUseTLS(secure), redis.DialTLSConfig(s.Client())}
				if secure {
					address = w.Relay(s.TLSAddr)
				}
				if tracker := w.Tracker; tracker != nil {
					options = append(options, wrap(tracker))
				}
				dial := func(ctx context.Context) (redis.Conn, error) {
					return redis.DialContext(ctx, "tcp", address, options...)
				}
				pool := &redis.Pool{MaxActive: 4, MaxIdle: 4, Wait: true, DialContext: dial}
				defer pool.Close()
				use(t, w, pool)
			})
		})
	}
}

func use(t *testing.T, w *lab.Way, pool *redis.Pool) {
	var users sync.WaitGroup
	for i := range 8 {
		users.Go(func() {
			conn, err := pool.GetContext(w.Context())
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			for j := range 25 {
				conn.Send("SET", fmt.Sprint(i, "-", j), make([]byte, 1+j*1000))
				if got, err := redis.Bytes(conn.Do("GET", fmt.Sprint(i, "-", j))); err != nil || len(got) != 1+j*1000 {
					t.Error(len(got), err)
				}
			}
		})
	}
	users.Wait()
	w.MarkAll()
	conn, err := pool.GetContext(w.Context())
	w.Must("get", err)
	defer conn.Close()
	_, err = conn.Do("LPUSH", "0-0", "x")
	w.Note("wrong type", err)
	_, err = redis.DoWithTimeout(conn, 100*time.Millisecond, "BLPOP", "nothing", 1)
	w.Note("not in time", err)
}
