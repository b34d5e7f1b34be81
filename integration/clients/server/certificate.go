package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"
)

// A Certificate is what a server shows for localhost, and signs by itself.
type Certificate struct {
	// CertPEM and KeyPEM are what files have.
	CertPEM, KeyPEM string
	tls             tls.Certificate
	roots           *x509.CertPool
}

// NewCertificate returns a certificate for localhost and its addresses.
func NewCertificate(t testing.TB) *Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "localhost"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		IsCA:         true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	c := &Certificate{
		CertPEM: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		KeyPEM:  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
		roots:   x509.NewCertPool(),
	}
	if c.tls, err = tls.X509KeyPair([]byte(c.CertPEM), []byte(c.KeyPEM)); err != nil {
		t.Fatal(err)
	}
	c.roots.AppendCertsFromPEM([]byte(c.CertPEM))
	return c
}

// Server is the configuration of a server in this process.
func (c *Certificate) Server() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{c.tls}}
}

// Client is the configuration of a client.
func (c *Certificate) Client() *tls.Config {
	return &tls.Config{RootCAs: c.roots, ServerName: "localhost"}
}

// files writes the certificate and its key for a user.
func (c *Certificate) files(t testing.TB, dir, owner string) (cert, key string) {
	t.Helper()
	return write(t, dir, "cert.pem", owner, c.CertPEM), write(t, dir, "key.pem", owner, c.KeyPEM)
}
