// Package fasthttp is the recipe for fasthttp.
//
// Wrap the library's own dial functions, which have a cache of addresses and a limit on
// dials at a time. The hook is given 0 where the client has no timeout: Dial has one of
// its own for that, and DialTimeout would have none left. There is no context, so that
// dial spans have no parent.
package fasthttp

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/netstats-go/netstats/integration/clients/lab"
	"github.com/netstats-go/netstats/integration/clients/server"
	"github.com/netstats-go/netstats/otelnetstats"
)

var recipe = lab.Recipe{
	Library: "fasthttp", Module: "github.com/valyala/fasthttp",
	Server:  "nginx",
	Address: lab.Either, Parent: lab.Never, Caller: "github.com/valyala/fasthttp",
}

func wrap(client *fasthttp.Client, tracker *otelnetstats.Tracker) {
	client.DialTimeout = func(address string, timeout time.Duration) (net.Conn, error) {
		dial := tracker.WrapDial(func(context.Context, string, string) (net.Conn, error) {
			if timeout == 0 {
				return fasthttp.Dial(address)
			}
			return fasthttp.DialTimeout(address, timeout)
		})
		return dial(context.Background(), "tcp", address)
	}
}

func TestRecipe(t *testing.T) {
	s, root := server.Nginx(t)
	if err := os.WriteFile(filepath.Join(root, "3MB"), bytes.Repeat([]byte("abc"), 1e6), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			recipe.Compare(t, lab.Case{Ends: "local, remote?"}, func(t *testing.T, w *lab.Way) {
				client := &fasthttp.Client{MaxConnsPerHost: 4, MaxConnWaitTimeout: time.Minute, MaxIdleConnDuration: time.Second}
				if tracker := w.Tracker; tracker != nil {
					wrap(client, tracker)
				}
				defer client.CloseIdleConnections()
				base := "http://" + w.Relay(s.Addr)
				if scheme == "https" {
					base, client.TLSConfig = "https://"+w.Relay(s.TLSAddr), s.Client()
				}
				use(t, w, client, base)
			})
		})
	}
}

func use(t *testing.T, w *lab.Way, client *fasthttp.Client, base string) {
	var users sync.WaitGroup
	for range 8 {
		users.Go(func() {
			code, body, err := client.Get(nil, base+"/3MB")
			if code != fasthttp.StatusOK || len(body) != 3e6 || err != nil {
				t.Error(code, len(body), err)
			}
		})
	}
	users.Wait()
	w.MarkAll()
	request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	request.SetRequestURI(base + "/put")
	request.Header.SetMethod(fasthttp.MethodPut)
	request.SetBody(make([]byte, 1e6))
	w.Must("PUT", client.Do(request, response))
	w.Note("PUT", response.StatusCode()/100)
	code, _, err := client.Get(nil, base+"/nothing")
	w.Note("nothing", code, err)
}
