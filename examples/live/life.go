package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/netstats-go/netstats/otelnetstats"
)

// A life is what the program does all day.
type life struct {
	ctx     context.Context // until end
	cancel  context.CancelFunc
	tracker *otelnetstats.Tracker
	work    sync.WaitGroup
	servers []io.Closer
	// forgotten is the mistake: its peers have said goodbye, and nobody closes them.
	mu        sync.Mutex // guards forgotten
	forgotten []net.Conn
}

// startLife returns when everybody has begun, and one dial has failed.
func startLife(tracker *otelnetstats.Tracker) (*life, error) {
	l := &life{tracker: tracker}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	echo, err := l.serve(func(c net.Conn) { _, _ = io.Copy(c, c) })
	if err != nil {
		return nil, err
	}
	brief, err := l.serve(func(c net.Conn) { _, _ = io.WriteString(c, "goodbye\n") })
	if err != nil {
		return nil, err
	}
	web, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		return nil, err
	}
	srv := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, rand.IntN(1<<20))) //nolint:gosec // not for secrets
	})}
	l.servers = append(l.servers, srv)
	l.work.Go(func() { _ = srv.Serve(web) })

	pool := &otelnetstats.Dialer{Tracker: tracker, Name: "pool"}
	for size := range 4 {
		l.again(time.Duration(size+1)*200*time.Millisecond, l.exchange(pool, echo, 1<<(4*size)))
	}
	client := &http.Client{Transport: &http.Transport{DialContext: tracker.WrapDial(nil)}}
	l.again(time.Second, func() { fetch(l.ctx, client, "http://"+web.Addr().String()+"/") })
	l.again(9*time.Second, func() { l.forget(brief) })
	l.again(5*time.Second, func() {
		_, _ = (&otelnetstats.Dialer{Tracker: tracker}).DialContext(l.ctx, "tcp", "localhost:1")
	})
	return l, nil
}

// again does something at once, and then each time the interval has passed.
func (l *life) again(interval time.Duration, do func()) {
	do()
	l.work.Go(func() {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				do()
			case <-l.ctx.Done():
				return
			}
		}
	})
}

// serve has each connection served until the life ends.
func (l *life) serve(handle func(net.Conn)) (address string, err error) {
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		return "", err
	}
	l.servers = append(l.servers, listener)
	l.work.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			l.work.Go(func() {
				defer c.Close()
				defer context.AfterFunc(l.ctx, func() { c.Close() })()
				handle(c)
			})
		}
	})
	return listener.Addr().String(), nil
}

// exchange sends something and reads it back, a hundred times on one connection.
func (l *life) exchange(pool *otelnetstats.Dialer, address string, size int) func() {
	var conn net.Conn
	n := 0
	return func() {
		if conn == nil {
			c, err := pool.DialContext(l.ctx, "tcp", address)
			if err != nil {
				return
			}
			context.AfterFunc(l.ctx, func() { c.Close() })
			conn = c
		}
		b := make([]byte, size)
		_, _ = conn.Write(b)
		_, err := io.ReadFull(conn, b)
		otelnetstats.Mark(l.ctx, conn, fmt.Sprintf("task %d", n))
		if n++; n%100 == 0 || err != nil {
			conn.Close()
			conn = nil
		}
	}
}

func fetch(ctx context.Context, client *http.Client, url string) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return
	}
	resp, err := client.Do(r)
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}

// forget hears what the server has to say, and does not close the connection.
func (l *life) forget(address string) {
	conn, err := (&otelnetstats.Dialer{Tracker: l.tracker, Name: "greeter"}).DialContext(l.ctx, "tcp", address)
	if err != nil {
		return
	}
	_, _ = io.ReadAll(conn)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forgotten = append(l.forgotten, conn)
}

func (l *life) end() {
	l.cancel()
	for _, s := range l.servers {
		s.Close()
	}
	l.work.Wait()
	for _, c := range l.forgotten {
		c.Close()
	}
}
