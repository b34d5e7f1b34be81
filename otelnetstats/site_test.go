package otelnetstats_test

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"testing"
)

// A site is an HTTP server that is there for the test, and how to get there.
type site struct {
	url  string
	base *http.Transport // which a Transport is made from
	addr string
}

// A protocol is one that sites speak.
type protocol struct {
	name  string
	proto string // as responses have it
	tls   bool
	h2    bool
	both  bool // HTTP/1 as well
}

var protocols = []protocol{
	{name: "h1", proto: "HTTP/1.1"},
	{name: "h1s", proto: "HTTP/1.1", tls: true},
	{name: "h2", proto: "HTTP/2.0", tls: true, h2: true},
	{name: "h2c", proto: "HTTP/2.0", h2: true},
}

// bilingual speaks HTTP/1 and 2.
var bilingual = protocol{name: "both", proto: "HTTP/2.0", tls: true, h2: true, both: true}

func eachProtocol(t *testing.T, test func(t *testing.T, p protocol)) {
	t.Helper()
	for _, p := range protocols {
		t.Run(p.name, func(t *testing.T) { test(t, p) })
	}
}

// site serves by the protocol.
func (p protocol) site(t testing.TB, handler http.Handler) site {
	t.Helper()
	return p.siteOn(t, listen(t, "tcp", "127.0.0.1:0"), &http.Server{Handler: handler})
}

func (p protocol) siteOn(t testing.TB, ln net.Listener, server *http.Server) site {
	t.Helper()
	var has http.Protocols
	has.SetHTTP1(!p.h2 || p.both)
	has.SetHTTP2(p.h2 && p.tls)
	has.SetUnencryptedHTTP2(p.h2 && !p.tls)
	server.Protocols = &has
	server.ErrorLog = log.New(io.Discard, "", 0) // handshakes fail
	base := &http.Transport{Protocols: &has}
	s := site{url: "http://" + ln.Addr().String(), base: base, addr: ln.Addr().String()}
	serveTLS := server.Serve
	if p.tls {
		cert, pool := certificate()
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
		base.TLSClientConfig = &tls.Config{RootCAs: pool, ServerName: "server.test"}
		s.url = "https://" + ln.Addr().String()
		serveTLS = func(ln net.Listener) error { return server.ServeTLS(ln, "", "") }
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = serveTLS(ln)
	}()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
	return s
}

// hello is a handler that says so, whatever it is asked.
func hello(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	_, _ = io.WriteString(w, "hello")
}

// get makes a request, reads the response to its end and returns it.
func get(t testing.TB, rt http.RoundTripper, url string) *http.Response {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	must(t, err)
	return do(t, rt, q)
}

// do makes a request, reads the response to its end and returns it.
func do(t testing.TB, rt http.RoundTripper, q *http.Request) *http.Response {
	t.Helper()
	p, err := rt.RoundTrip(q)
	must(t, err)
	_, err = io.Copy(io.Discard, p.Body)
	must(t, err, p.Body.Close())
	return p
}
