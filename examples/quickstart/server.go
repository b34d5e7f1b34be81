package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"strings"
	"time"
)

// A server is what there is to fetch from when no URL is given: HTTPS on
// loopback under the name localhost, with a certificate of its own.
type server struct {
	http  *http.Server
	port  string
	roots *x509.CertPool // what a client has to trust
}

func startServer() (*server, error) {
	cert, err := newCertificate("localhost")
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return nil, err
	}
	s := &server{
		http: &http.Server{
			Handler:           newHandler(),
			TLSConfig:         &tls.Config{Certificates: []tls.Certificate{cert}},
			ReadHeaderTimeout: fetchTimeout,
		},
		port:  port,
		roots: x509.NewCertPool(),
	}
	s.roots.AddCert(cert.Leaf)
	go s.http.ServeTLS(listener, "", "") //nolint:errcheck // it returns when the server is closed
	return s, nil
}

func newHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/hello", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "Hello.\n")
	})
	mux.HandleFunc("/download", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, strings.Repeat("netstats", 8*1024))
	})
	return mux
}

func (s *server) urls() []string {
	origin := "https://localhost:" + s.port
	return []string{origin + "/hello", origin + "/download"}
}

func (s *server) close() { _ = s.http.Close() }

// newCertificate makes a certificate for name that signs itself and is valid
// for an hour.
func newCertificate(name string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(now.UnixNano()),
		Subject:               pkix.Name{CommonName: name},
		DNSNames:              []string{name},
		NotBefore:             now.Add(-time.Minute),
		NotAfter:              now.Add(time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}
