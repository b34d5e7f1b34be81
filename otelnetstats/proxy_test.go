package otelnetstats_test

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
)

// httpProxy serves an HTTP proxy, which forwards requests and, asked to CONNECT,
// bytes.
func httpProxy(t testing.TB, p protocol) site {
	t.Helper()
	direct := &http.Transport{}
	t.Cleanup(direct.CloseIdleConnections)
	var wg sync.WaitGroup
	t.Cleanup(wg.Wait)
	return p.site(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Via", "proxy")
		if r.Method == http.MethodConnect {
			wg.Add(1)
			defer wg.Done()
			connect(w, r.Host)
			return
		}
		q := r.Clone(r.Context())
		q.RequestURI = ""
		resp, err := direct.RoundTrip(q)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
	}))
}

// connect has the client talk to an address.
func connect(w http.ResponseWriter, address string) {
	there, err := net.Dial("tcp", address)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	here, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		there.Close()
		return
	}
	_, _ = io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
	relay(here, there)
}

// relay copies both ways until one side ends, and closes both.
func relay(a, b net.Conn) {
	var wg sync.WaitGroup
	for _, d := range [][2]net.Conn{{a, b}, {b, a}} {
		wg.Go(func() {
			_, _ = io.Copy(d[0], d[1])
			a.Close()
			b.Close()
		})
	}
	wg.Wait()
}

// socksProxy serves a SOCKS5 proxy that asks for no password.
func socksProxy(t testing.TB) (address string) {
	t.Helper()
	return serve(t, func(c net.Conn) {
		r := bufio.NewReader(c)
		head := make([]byte, 2)
		if _, err := io.ReadFull(r, head); err != nil {
			return
		}
		_, _ = r.Discard(int(head[1])) // methods
		_, _ = c.Write([]byte{5, 0})
		ask := make([]byte, 10) // of an IPv4 address
		if _, err := io.ReadFull(r, ask); err != nil || ask[3] != 1 {
			return
		}
		there, err := net.DialTCP("tcp", nil, &net.TCPAddr{IP: ask[4:8], Port: int(binary.BigEndian.Uint16(ask[8:]))})
		if err != nil {
			return
		}
		_, _ = c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		relay(c, there)
	})
}
