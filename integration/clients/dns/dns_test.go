// Package dns is the recipe for miekg/dns and for net.Resolver.
//
// A client of miekg/dns takes a connection. Both have to see whether it has datagrams
// or a stream: a tracked connection has the methods of net.PacketConn where the one
// within it has them, and nowhere else.
package dns

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/netstats-go/netstats/integration/clients/lab"
	"github.com/netstats-go/netstats/otelnetstats"
)

var recipe = lab.Recipe{
	Library: "miekg/dns, net.Resolver", Module: "github.com/miekg/dns",
	Server:  "miekg/dns, in the process",
	Address: lab.IP, Parent: lab.Always, Caller: "github.com/miekg/dns, net",
}

func wrap(ctx context.Context, network, address string, tracker *otelnetstats.Tracker) (*dns.Conn, error) {
	conn, err := tracker.WrapDial(nil)(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &dns.Conn{Conn: conn}, nil
}

func wrapResolver(resolver *net.Resolver, tracker *otelnetstats.Tracker) {
	resolver.Dial = tracker.WrapDial(resolver.Dial)
}

func TestRecipe(t *testing.T) {
	s := serve(t)
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			recipe.Compare(t, lab.Case{Ends: "local"}, func(_ *testing.T, w *lab.Way) {
				client, address := &dns.Client{Net: network}, s.relay(w, network)
				conn, err := (*dns.Conn)(nil), error(nil)
				if tracker := w.Tracker; tracker != nil {
					conn, err = wrap(w.Context(), network, address, tracker)
				} else {
					conn, err = client.DialContext(w.Context(), address)
				}
				w.Must("dial", err)
				defer conn.Close()
				w.Mark(conn.Conn)
				for _, name := range []string{"a.example.", "b.example.", "nothing.example."} {
					answer, _, err := client.ExchangeWithConnContext(w.Context(), new(dns.Msg).SetQuestion(name, dns.TypeA), conn)
					w.Must("exchange", err)
					w.Note(name, fmt.Sprint(dns.RcodeToString[answer.Rcode], " ", len(answer.Answer)))
				}
			})
		})
	}
}

func TestResolver(t *testing.T) {
	recipe := recipe
	recipe.Caller = "net, github.com/netstats-go/netstats/integration/clients/dns" // where its Dial is
	s := serve(t)
	recipe.Compare(t, lab.Case{Ends: "local"}, func(_ *testing.T, w *lab.Way) {
		servers := map[string]string{"udp": s.relay(w, "udp"), "tcp": s.relay(w, "tcp")}
		resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, servers[network])
		}}
		if tracker := w.Tracker; tracker != nil {
			wrapResolver(resolver, tracker)
		}
		w.MarkAll() // the resolver closes what it opens
		for _, name := range []string{"a.example.", "nothing.example.", "large.example."} {
			addresses, err := resolver.LookupNetIP(w.Context(), "ip4", name)
			w.Note(name, len(addresses), err)
		}
	})
}

// A server is a pair of addresses.
type server struct{ udp, tcp string }

func (s server) relay(w *lab.Way, network string) string {
	if network == "udp" {
		return w.RelayPackets(s.udp)
	}
	return strings.Replace(w.Relay(s.tcp), "localhost", "127.0.0.1", 1)
}

// serve starts a server that knows a few names, one of which has too many addresses
// for a datagram.
func serve(t *testing.T) server {
	t.Helper()
	// What the server does is not to be captured.
	ctx := otelnetstats.ContextWithoutTracking(t.Context())
	packets, err := new(net.ListenConfig).ListenPacket(ctx, "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	streams, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*dns.Server{{PacketConn: packets}, {Listener: streams}} {
		s.Handler = dns.HandlerFunc(answer)
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		go s.ActivateAndServe()
		<-started
		t.Cleanup(func() { s.Shutdown() })
	}
	return server{packets.LocalAddr().String(), streams.Addr().String()}
}

func answer(rw dns.ResponseWriter, question *dns.Msg) {
	name := question.Question[0].Name
	n := map[string]int{"a.example.": 1, "b.example.": 2, "large.example.": 200}[name]
	m := new(dns.Msg).SetReply(question)
	if n == 0 {
		m.Rcode = dns.RcodeNameError
	}
	for i := range n {
		m.Answer = append(m.Answer, &dns.A{
			Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60},
			A:   net.IPv4(192, 0, 2, byte(i)),
		})
	}
	if _, udp := rw.LocalAddr().(*net.UDPAddr); udp {
		m.Truncate(dns.MinMsgSize)
	}
	rw.WriteMsg(m)
}
