package otelnetstats_test

import (
	"bufio"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// startHTTP serves until stop is called, which waits for the end.
func startHTTP(t *testing.T, ln net.Listener, handler http.Handler) (stop func()) {
	t.Helper()
	server := &http.Server{Handler: handler}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	return func() {
		t.Helper()
		must(t, server.Shutdown(t.Context()))
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve: %v, want http.ErrServerClosed", err)
		}
	}
}

// largeFile returns the path of a file that no buffer holds at once.
func largeFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "large")
	b := make([]byte, 3_000_001)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b)
	must(t, os.WriteFile(path, b, 0o600))
	return path
}

// pages are what the HTTP programs ask for.
func pages(path string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	mux.HandleFunc("GET /file", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, path) })
	mux.HandleFunc("PUT /file", func(w http.ResponseWriter, r *http.Request) {
		hash := sha256.New()
		n, err := io.Copy(hash, r.Body)
		fmt.Fprintf(w, "%d %x %v %v", n, hash.Sum(nil), err, r.TransferEncoding)
	})
	mux.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		w.Header().Set("Trailer", "Error")
		_, _ = w.Write(body)
		w.Header().Set("Error", fmt.Sprint(err))
	})
	return mux
}

// A request is asked by ask, with a body that is made anew each time.
type request struct {
	method, path string
	header       http.Header
	body         func() io.Reader
}

func (r request) ask(t *testing.T, client *http.Client, site string) string {
	t.Helper()
	var body io.Reader
	if r.body != nil {
		body = r.body()
	}
	q, err := http.NewRequestWithContext(t.Context(), r.method, site+r.path, body)
	if err != nil {
		return err.Error()
	}
	maps.Copy(q.Header, r.header)
	if f, ok := body.(*os.File); ok {
		info, err := f.Stat()
		if err != nil {
			return err.Error()
		}
		q.ContentLength = info.Size()
	}
	p, err := client.Do(q)
	if err != nil {
		return err.Error()
	}
	defer p.Body.Close()
	hash := sha256.New()
	n, err := io.Copy(hash, p.Body)
	start := ""
	if strings.HasPrefix(p.Header.Get("Content-Type"), "text/plain") {
		start = p.Header.Get("Content-Type")
	}
	return fmt.Sprintf("%s %s: %s %s, %s %d %v, %d %x %v, %v", r.method, r.path, p.Proto, p.Status, start,
		p.ContentLength, p.TransferEncoding, n, hash.Sum(nil), err, p.Trailer)
}

func askAll(t *testing.T, client *http.Client, site, path string) string {
	t.Helper()
	open := func() io.Reader {
		f, err := os.Open(path)
		if err != nil {
			t.Error(err)
		}
		return f // the client closes it
	}
	requests := []request{
		{method: "GET", path: "/hello"},
		{method: "GET", path: "/none"},
		{method: "GET", path: "/file"},
		{method: "GET", path: "/file", header: http.Header{"Range": {"bytes=1000-2000000"}}},
		{method: "HEAD", path: "/file"},
		{method: "PUT", path: "/file", body: open},
		{method: "PUT", path: "/file", body: open, header: http.Header{"Expect": {"100-continue"}}},
		{method: "PUT", path: "/file", body: func() io.Reader { return struct{ io.ReadCloser }{open().(io.ReadCloser)} }}, // in chunks
		{method: "POST", path: "/echo", body: func() io.Reader { return strings.NewReader(strings.Repeat("echo", 500_000)) }},
	}
	results := make([]string, 2*len(requests))
	for i, r := range requests {
		results[i] = r.ask(t, client, site)
	}
	var wg sync.WaitGroup
	for i, r := range requests {
		wg.Go(func() { results[len(requests)+i] = r.ask(t, client, site) })
	}
	wg.Wait()
	return strings.Join(results, "\n")
}

func runHTTP(t *testing.T, w world) string {
	path := largeFile(t)
	ln := w.listen(listen(t, "tcp", "127.0.0.1:0"))
	stop := startHTTP(t, ln, pages(path))
	transport := &http.Transport{DialContext: w.dial}
	result := askAll(t, &http.Client{Transport: transport}, "http://"+ln.Addr().String(), path)
	transport.CloseIdleConnections()
	stop()
	return result
}

func runHTTP2(t *testing.T, w world) string {
	path := largeFile(t)
	cert, pool := certificate()
	ln := w.listen(listen(t, "tcp", "127.0.0.1:0"))
	stop := startHTTP(t, tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2"}}), pages(path))
	transport := &http.Transport{
		ForceAttemptHTTP2: true,
		DialTLSContext:    w.dialTLS(&tls.Config{RootCAs: pool, ServerName: "server.test", NextProtos: []string{"h2"}}),
	}
	result := askAll(t, &http.Client{Transport: transport}, "https://"+ln.Addr().String(), path)
	if !strings.Contains(result, "HTTP/2.0 200") {
		t.Errorf("HTTP/2 was not used:\n%s", result)
	}
	transport.CloseIdleConnections()
	stop()
	return result
}

// talk sends a request by hand over a connection of its own, then the given
// number of bytes, closes its direction and returns what it got.
func talk(t *testing.T, w world, address, head string, n int) string {
	t.Helper()
	conn, err := w.dial(t.Context(), "tcp", address)
	must(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, head+"\r\nHost: server.test\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n")
	must(t, err)
	r := bufio.NewReader(conn)
	response, err := http.ReadResponse(r, nil)
	must(t, err)
	send(t, conn, n)
	must(t, conn.(interface{ CloseWrite() error }).CloseWrite())
	reply, err := io.ReadAll(r)
	return fmt.Sprintf("%s %v, %s, %v", response.Status, response.Header["Upgrade"], reply, err)
}

// upgrade takes the connection over and answers once the client has closed its
// direction.
func upgrade(w http.ResponseWriter, _ *http.Request) {
	conn, rw, err := w.(http.Hijacker).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer conn.Close()
	fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n")
	n, err := io.Copy(io.Discard, rw)
	fmt.Fprintf(conn, "I got %d bytes, %v", n, err)
}

func runHijack(t *testing.T, w world) string {
	ln := w.listen(listen(t, "tcp", "127.0.0.1:0"))
	stop := startHTTP(t, ln, http.HandlerFunc(upgrade))
	result := talk(t, w, ln.Addr().String(), "GET / HTTP/1.1", 1_000_000)
	stop()
	if want := "101 Switching Protocols [test], I got 1000000 bytes, <nil>, <nil>"; result != want {
		t.Errorf("got %q, want %q", result, want)
	}
	return result
}

// runUpgrade is what docker exec does: the answer comes after the client has
// closed its direction, which the proxy has to pass on.
func runUpgrade(t *testing.T, w world) string {
	back := w.listen(listen(t, "tcp", "127.0.0.1:0"))
	stopBack := startHTTP(t, back, http.HandlerFunc(upgrade))
	transport := &http.Transport{DialContext: w.dial}
	front := w.listen(listen(t, "tcp", "127.0.0.1:0"))
	stopFront := startHTTP(t, front, &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: back.Addr().String()})
	}})
	result := talk(t, w, front.Addr().String(), "GET / HTTP/1.1", 1_000_000)
	transport.CloseIdleConnections()
	stopFront()
	stopBack()
	if want := "101 Switching Protocols [test], I got 1000000 bytes, <nil>, <nil>"; result != want {
		t.Errorf("got %q, want %q", result, want)
	}
	return result
}
