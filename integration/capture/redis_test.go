package capture

import (
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

func TestRedis(t *testing.T) {
	lab := newLab(t)
	server := miniredis.RunT(t)
	p := newProxy(t, server.Addr())

	client := redis.NewClient(&redis.Options{Addr: p.addr(), PoolSize: 4})
	defer client.Close()
	var users sync.WaitGroup
	for i := range 8 {
		users.Go(func() {
			for j := range 10 {
				key := strconv.Itoa(100*i + j)
				value := strings.Repeat("v", 1+1000*i*j)
				if err := client.Set(t.Context(), key, value, 0).Err(); err != nil {
					t.Error(err)
				}
				if got, err := client.Get(t.Context(), key).Result(); err != nil || got != value {
					t.Errorf("got %d bytes of %d: %v", len(got), len(value), err)
				}
			}
		})
	}
	users.Wait()
	pipe := client.Pipeline()
	for i := range 1000 {
		pipe.Incr(t.Context(), "counter"+strconv.Itoa(i%7))
	}
	_, err := pipe.Exec(t.Context())
	must(t, err, client.Close())
	lab.balance(t, p)
}
