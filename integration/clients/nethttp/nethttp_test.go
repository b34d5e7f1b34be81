// Package nethttp is the recipe for net/http.
//
// Clone the default transport, and wrap its own dial function: that keeps timeouts,
// keep-alive and HTTP/2. A new Transport that has a DialContext speaks HTTP/1 only,
// unless ForceAttemptHTTP2 is set.
//
// Where a file is sent, sendfile is still used, in slices of 512 KiB, so that what
// is on its way is counted. A ReverseProxy that upgrades a connection can close half
// of it.
package nethttp

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/netstats-go/netstats/integration/clients/lab"
	"github.com/netstats-go/netstats/integration/clients/server"
	"github.com/netstats-go/netstats/otelnetstats"
)

var recipe = lab.Recipe{
	Library: "net/http", Server: "nginx",
	Address: lab.Name, Parent: lab.Always, Caller: "net/http",
}

func wrap(transport *http.Transport, tracker *otelnetstats.Tracker) {
	transport.DialContext = tracker.WrapDial(transport.DialContext)
}

func transport(w *lab.Way) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	if tracker := w.Tracker; tracker != nil {
		wrap(t, tracker)
	}
	return t
}

func TestRecipe(t *testing.T) {
	s, root := server.Nginx(t)
	if err := os.WriteFile(filepath.Join(root, "3MB"), bytes.Repeat([]byte("abc"), 1e6), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			recipe.Compare(t, lab.Case{Ends: "local, remote?"}, func(t *testing.T, w *lab.Way) {
				transport := transport(w)
				defer transport.CloseIdleConnections()
				address := w.Relay(s.Addr)
				if scheme == "https" {
					address, transport.TLSClientConfig = w.Relay(s.TLSAddr), s.Client()
				}
				use(t, w, &http.Client{Transport: transport}, scheme+"://"+address)
			})
		})
	}
}

// use gets a file, several times at once, sends a file, and gives up.
func use(t *testing.T, w *lab.Way, client *http.Client, base string) {
	get(t, w, client, base+"/3MB")
	var users sync.WaitGroup
	for range 8 {
		users.Go(func() { get(t, w, client, base+"/3MB") })
	}
	users.Wait()
	w.MarkAll()

	name := filepath.Join(t.TempDir(), "8MB")
	if err := os.WriteFile(name, make([]byte, 8<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	w.Must("open", err)
	request, err := http.NewRequestWithContext(w.Context(), http.MethodPut, base+"/8MB", file)
	w.Must("request", err)
	request.ContentLength = 8 << 20
	response, err := client.Do(request)
	w.Must("PUT", err)
	response.Body.Close()
	w.Note("PUT", response.StatusCode/100, err)

	ctx, cancel := context.WithCancel(w.Context())
	request, err = http.NewRequestWithContext(ctx, http.MethodGet, base+"/3MB", nil)
	w.Must("request", err)
	response, err = client.Do(request)
	w.Must("GET", err)
	cancel() // how much of the body is there by then is chance
	response.Body.Close()
	get(t, w, client, base+"/3MB") // with HTTP/2, all that was under way is read
}

func get(t *testing.T, w *lab.Way, client *http.Client, url string) {
	request, err := http.NewRequestWithContext(w.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Error(err)
		return
	}
	response, err := client.Do(request)
	if err != nil {
		t.Error(err)
		return
	}
	defer response.Body.Close()
	hash := sha256.New()
	n, err := io.Copy(hash, response.Body)
	w.Note("GET "+response.Proto, fmt.Sprintf("%d %x", n, hash.Sum(nil)), err)
}

// TestUpgrade has a ReverseProxy upgrade a connection, of which the client closes
// half before the server answers.
func TestUpgrade(t *testing.T) {
	recipe := recipe
	recipe.Server = "net/http, in the process"
	recipe.Parent = lab.Sometimes // the proxy has its own requests
	backend := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		conn, rest, err := rw.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		all, err := io.ReadAll(rest)
		if err != nil {
			t.Error(err)
		}
		conn.Write(bytes.ToUpper(all))
	}))
	defer backend.Close()
	recipe.Compare(t, lab.Case{Ends: "remote"}, func(_ *testing.T, w *lab.Way) {
		target, err := url.Parse("http://" + w.Relay(backend.Listener.Addr().String()))
		w.Must("target", err)
		proxy := httputil.NewSingleHostReverseProxy(target)
		proxy.Transport = transport(w)
		front := httptest.NewServer(proxy)
		defer front.Close()

		conn, err := server.Dial(w.Context(), "tcp", front.Listener.Addr().String())
		w.Must("dial", err)
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(10 * time.Second))
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		in := bufio.NewReader(conn)
		response, err := http.ReadResponse(in, nil) //nolint:bodyclose // the connection is closed
		w.Note("upgrade", response.Status, err)
		w.MarkAll()
		io.WriteString(conn, "half")
		w.Must("close half", conn.(*net.TCPConn).CloseWrite())
		answer, err := io.ReadAll(in)
		w.Note("answer", string(answer), err)
	})
}
