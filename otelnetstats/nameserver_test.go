package otelnetstats_test

import (
	"context"
	"net"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// A nameServer answers questions for addresses, over UDP on loopback.
type nameServer struct {
	conn  net.PacketConn
	hosts map[string][]net.IP // by name, without the last dot
}

// serveNames answers with the addresses of hosts, and of others that there is
// no such name.
func serveNames(t testing.TB, hosts map[string][]net.IP) (address string) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &nameServer{conn, hosts}
	var wg sync.WaitGroup
	wg.Go(func() { s.run() })
	t.Cleanup(func() {
		conn.Close()
		wg.Wait()
	})
	return conn.LocalAddr().String()
}

// resolver returns one that asks the name server at address only. dial may be
// nil, for package net's.
func resolver(address string, dial func(ctx context.Context, network, address string) (net.Conn, error)) *net.Resolver {
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dial(ctx, network, address)
	}}
}

func (s *nameServer) run() {
	b := make([]byte, 1500)
	for {
		n, from, err := s.conn.ReadFrom(b)
		if err != nil {
			return
		}
		if answer, err := s.answer(b[:n]); err == nil {
			_, _ = s.conn.WriteTo(answer, from)
		}
	}
}

func (s *nameServer) answer(query []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return nil, err
	}
	m.Response, m.Authoritative, m.Additionals = true, true, nil
	q := m.Questions[0]
	ips, ok := s.hosts[q.Name.String()[:len(q.Name.String())-1]]
	if !ok {
		m.RCode = dnsmessage.RCodeNameError
	}
	for _, ip := range ips {
		h := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60}
		v4 := ip.To4()
		switch {
		case q.Type == dnsmessage.TypeA && v4 != nil:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: [4]byte(v4)}})
		case q.Type == dnsmessage.TypeAAAA && v4 == nil:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: [16]byte(ip)}})
		}
	}
	return m.Pack()
}
