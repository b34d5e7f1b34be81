package soak

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/netstats-go/netstats/otelnetstats"
)

// servers send back what they get, and end connections as they like.
type servers struct {
	tcp, tls, unix, udp string // addresses
	file                string // with the payload
	config              *tls.Config

	mu    sync.Mutex // guards conns
	conns map[net.Conn]struct{}
}

// listen starts the servers.
func (s *servers) listen(t *testing.T, tracker *otelnetstats.Tracker) {
	t.Helper()
	dir := t.TempDir()
	s.file = filepath.Join(dir, "payload")
	if err := os.WriteFile(s.file, payload, 0o600); err != nil {
		t.Fatal(err)
	}
	s.conns = make(map[net.Conn]struct{})
	certified := httptest.NewTLSServer(nil) // has a certificate
	defer certified.Close()
	pool := x509.NewCertPool()
	pool.AddCert(certified.Certificate())
	s.config = &tls.Config{RootCAs: pool, ServerName: "example.com"}
	s.tcp = s.serve(t, tracker.Listener(open(t, "tcp", "127.0.0.1:0")))
	s.unix = s.serve(t, tracker.Listener(open(t, "unix", filepath.Join(dir, "s"))))
	s.tls = s.serve(t, tls.NewListener(tracker.Listener(open(t, "tcp", "127.0.0.1:0")), &tls.Config{Certificates: certified.TLS.Certificates}))
	s.udp = serveUDP(t)
}

func open(t *testing.T, network, address string) net.Listener {
	t.Helper()
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

func (s *servers) serve(_ *testing.T, ln net.Listener) (address string) {
	go func() {
		for {
			conn, err := ln.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				go s.handle(conn)
			}
		}
	}()
	return ln.Addr().String()
}

func (s *servers) handle(conn net.Conn) {
	s.mu.Lock()
	s.conns[conn] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.conns, conn)
		conn.Close()
	}()
	_, _ = io.CopyN(conn, conn, 1+rand.Int64N(1<<16))
	if l, ok := conn.(interface{ SetLinger(sec int) error }); ok && rand.IntN(4) == 0 {
		_ = l.SetLinger(0)
	}
}

// hangUp closes what is open on the servers' side.
func (s *servers) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		conn.Close()
	}
}

func serveUDP(t *testing.T) (address string) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		b := make([]byte, 1<<16)
		for {
			n, from, err := conn.ReadFrom(b)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				_, _ = conn.WriteTo(b[:n], from)
			}
		}
	}()
	return conn.LocalAddr().String()
}
