// Package goredis is the recipe for go-redis.
//
// The hook keeps go-redis' own way to dial, with its timeout and its keep-alive. It
// is for a client without TLSConfig only: with it that dial function does TLS by
// itself, and nothing is tracked. With TLS, give the configuration to a Dialer:
// go-redis ignores TLSConfig where it has a Dialer.
//
// The pool opens most connections by itself, so that few dials have a parent. It
// looks at the descriptor for whether a connection is alive before it uses one again;
// with TLS it does not look, and the first command after a connection was killed
// fails, tracked or not.
package goredis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/netstats-go/netstats/integration/clients/lab"
	"github.com/netstats-go/netstats/integration/clients/server"
	"github.com/netstats-go/netstats/otelnetstats"
)

var recipe = lab.Recipe{
	Library: "go-redis", Module: "github.com/redis/go-redis/v9",
	Server:  "Redis",
	Address: lab.Name, Parent: lab.Sometimes, Caller: "github.com/redis/go-redis/v9",
}

func wrap(opt *redis.Options, tracker *otelnetstats.Tracker) {
	opt.Dialer = tracker.WrapDial(redis.NewDialer(opt))
}

func wrapTLS(opt *redis.Options, config *tls.Config, tracker *otelnetstats.Tracker) {
	dialer := &otelnetstats.Dialer{Tracker: tracker}
	opt.Dialer = dialer.TLS(config)
}

func client(w *lab.Way, s server.TLS, secure bool, poolSize int) *redis.Client {
	opt := &redis.Options{
		Addr: w.Relay(s.Addr), PoolSize: poolSize,
		MaxRetries: -1, ContextTimeoutEnabled: true,
	}
	if secure {
		opt.Addr, opt.TLSConfig = w.Relay(s.TLSAddr), s.Client()
	}
	switch tracker := w.Tracker; {
	case tracker == nil:
	case secure:
		wrapTLS(opt, s.Client(), tracker)
	default:
		wrap(opt, tracker)
	}
	return redis.NewClient(opt)
}

func TestRecipe(t *testing.T) {
	s := server.Redis(t)
	for _, secure := range []bool{false, true} {
		t.Run(map[bool]string{false: "plain", true: "TLS"}[secure], func(t *testing.T) { testRecipe(t, s, secure) })
	}
}

func testRecipe(t *testing.T, s server.TLS, secure bool) {
	t.Run("a pool under load", func(t *testing.T) {
		recipe.Compare(t, lab.Case{Ends: "local, remote?"}, func(t *testing.T, w *lab.Way) {
			c := client(w, s, secure, 4)
			defer c.Close()
			load(t, w, c)
		})
	})
	t.Run("a deadline that passes", func(t *testing.T) {
		recipe.Compare(t, lab.Case{Ends: "local?, remote?, timeout", Errors: "timeout"}, func(_ *testing.T, w *lab.Way) {
			c := client(w, s, secure, 4)
			defer c.Close()
			w.Must("ping", c.Ping(w.Context()).Err())
			w.MarkAll()
			ctx, cancel := context.WithTimeout(w.Context(), 100*time.Millisecond)
			defer cancel()
			err := c.BLPop(ctx, time.Minute, "nothing").Err()
			w.Note("BLPOP", errors.Is(err, context.DeadlineExceeded), err)
			w.Must("ping again", c.Ping(w.Context()).Err())
		})
	})
	t.Run("connections killed in the pool", func(t *testing.T) {
		ends := "local, remote"
		if secure {
			ends = "remote" // the last ping is not answered, and nothing is open at the end
		}
		recipe.Compare(t, lab.Case{Ends: ends}, func(t *testing.T, w *lab.Way) {
			c := client(w, s, secure, 1)
			defer c.Close()
			kills(t, w, c, s)
		})
	})
}

// load has eight goroutines share four connections, and does what else is done
// with Redis: a pipeline, a transaction, a subscription.
func load(t *testing.T, w *lab.Way, c *redis.Client) {
	ctx := w.Context()
	w.Must("flush", c.FlushAll(ctx).Err())
	var users sync.WaitGroup
	for i := range 8 {
		users.Go(func() {
			for j := range 25 {
				key, value := fmt.Sprint(i, j), strings.Repeat("v", 1+500*j)
				if err := c.Set(ctx, key, value, 0).Err(); err != nil {
					t.Error(err)
				}
				if got, err := c.Get(ctx, key).Result(); err != nil || got != value {
					t.Errorf("%d bytes of %d: %v", len(got), len(value), err)
				}
			}
		})
	}
	users.Wait()
	w.MarkAll()
	pipe := c.Pipeline()
	for i := range 1000 {
		pipe.Incr(ctx, fmt.Sprint("counter", i%7))
	}
	results, err := pipe.Exec(ctx)
	w.Note("pipeline", len(results), err)
	_, err = c.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.Set(ctx, "a", 1, 0)
		p.LPush(ctx, "a", 2)
		return nil
	})
	w.Note("transaction", "wrong type", err)
	w.Note("nil", c.Get(ctx, "none").Val(), c.Get(ctx, "none").Err())
	sub := c.Subscribe(ctx, "news")
	defer sub.Close()
	_, err = sub.Receive(ctx)
	w.Must("subscribe", err)
	w.Must("publish", c.Publish(ctx, "news", "hello").Err())
	message, err := sub.ReceiveMessage(ctx)
	w.Note("message", message, err)
}

// kills has the server close the one connection of a pool while nobody uses it,
// ten times: the pool has to notice, as nothing is tried a second time.
func kills(t *testing.T, w *lab.Way, c *redis.Client, s server.TLS) {
	for i := range 10 {
		id, err := c.ClientID(w.Context()).Result()
		w.Must("id", err)
		w.MarkAll()
		w.Note("kill", server.TellRedis(t, s, fmt.Sprint("CLIENT KILL ID ", id)))
		w.AwaitHangups(i + 1)
		pong, err := c.Ping(w.Context()).Result()
		w.Note("ping", pong, err)
	}
}
