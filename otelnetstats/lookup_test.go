package otelnetstats_test

import (
	"context"
	"crypto/tls"
	"net"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/netstats-go/netstats/otelnetstats"
)

// on is a layer on another connection.
type on struct {
	net.Conn
	below func() net.Conn
}

func (o *on) NetConn() net.Conn { return o.below() }

// layers puts n layers on c.
func layers(c net.Conn, n int) net.Conn {
	for range n {
		below := c
		c = &on{Conn: below, below: func() net.Conn { return below }}
	}
	return c
}

func TestLookupThroughLayers(t *testing.T) {
	l := newLab(t)
	conn := l.Register(t.Context(), &stub{})
	defer conn.Close()
	for n, want := range map[int]bool{0: true, 1: true, 2: true, 15: true, 16: true, 17: false, 100: false} {
		if _, ok := otelnetstats.Lookup(layers(conn, n)); ok != want {
			t.Errorf("through %d layers: %v, want %v", n, ok, want)
		}
	}
	secure := tls.Client(conn, &tls.Config{ServerName: "h"})
	if lookup(t, secure) != lookup(t, conn) {
		t.Error("through a *tls.Conn: another record")
	}
	if lookup(t, layers(tls.Client(layers(conn, 2), &tls.Config{ServerName: "h"}), 2)) != lookup(t, conn) {
		t.Error("through layers on TLS on layers: another record")
	}
}

func TestLookupThroughBadLayers(t *testing.T) {
	l := newLab(t)
	var cycle *on
	cycle = &on{Conn: &stub{}, below: func() net.Conn { return cycle }}
	var typedNil *on
	for name, conn := range map[string]net.Conn{
		"a cycle":            cycle,
		"a panic":            &on{Conn: &stub{}, below: func() net.Conn { panic("mine") }},
		"a panic, by nil":    &on{Conn: &stub{}},
		"nil below":          &on{Conn: &stub{}, below: func() net.Conn { return nil }},
		"typed nil below":    &on{Conn: &stub{}, below: func() net.Conn { return (*net.TCPConn)(nil) }},
		"typed nil on below": &on{Conn: &stub{}, below: func() net.Conn { return typedNil }},
		"a nil tls.Conn":     (*tls.Conn)(nil),
	} {
		if _, ok := otelnetstats.Lookup(conn); ok {
			t.Errorf("%s: tracked", name)
		}
		if _, ok := otelnetstats.Mark(t.Context(), conn, "m"); ok {
			t.Errorf("%s: marked", name)
		}
		if name == "a nil tls.Conn" {
			continue
		}
		tracked := l.Register(t.Context(), conn)
		if _, ok := otelnetstats.Lookup(tracked); !ok {
			t.Errorf("%s: cannot be registered", name)
		}
		tracked.Close()
	}
}

func TestRegisteringALayerOnATrackedConnection(t *testing.T) {
	cb := new(tape)
	l := newLab(t, otelnetstats.WithCallback(cb))
	conn := l.Register(t.Context(), &stub{})
	top := layers(conn, 1)
	if got := l.Register(t.Context(), top); got != top {
		t.Errorf("Register of a layer on a tracked connection gave %T", got)
	}
	secure := net.Conn(tls.Client(conn, &tls.Config{ServerName: "h"}))
	if got := l.Register(t.Context(), secure); got != secure {
		t.Errorf("Register of TLS on a tracked connection gave %T", got)
	}
	conn.Close()
	cb.want(t, "open", "close local 0 0")
}

func TestLookupOfUntrackedConnections(t *testing.T) {
	address := serve(t, wait)
	conn := dial(t, new(net.Dialer), "tcp", address)
	if _, ok := otelnetstats.Lookup(conn); ok {
		t.Error("a plain connection is tracked")
	}
	if _, ok := otelnetstats.Lookup(nil); ok {
		t.Error("nil is tracked")
	}
}

func TestIDsAreUnique(t *testing.T) {
	l, other := newLab(t), newLab(t)
	seen := map[uint64]bool{}
	for i := range 100 {
		tracker := l
		if i%2 == 1 {
			tracker = other
		}
		conn := tracker.Register(t.Context(), &stub{})
		id := lookup(t, conn).ID()
		if id == 0 || seen[id] {
			t.Fatalf("ID %d is not a new one", id)
		}
		seen[id] = true
		conn.Close()
	}
}

// TestOneRecordByWayOfNetConn: whoever registers what NetConn of a tracked
// connection gives, with whatever Tracker, gets that connection.
func TestOneRecordByWayOfNetConn(t *testing.T) {
	tcp := listen(t, "tcp", "127.0.0.1:0")
	path := filepath.Join(shortDir(t), "s")
	listen(t, "unix", path)
	for name, open := range map[string]func(l *lab) net.Conn{
		"dialed tcp": func(l *lab) net.Conn {
			return dial(t, &otelnetstats.Dialer{Tracker: l.Tracker}, "tcp", tcp.Addr().String())
		},
		"dialed unix": func(l *lab) net.Conn { return dial(t, &otelnetstats.Dialer{Tracker: l.Tracker}, "unix", path) },
		"dialed udp":  func(l *lab) net.Conn { return dial(t, &otelnetstats.Dialer{Tracker: l.Tracker}, "udp", "127.0.0.1:9") },
		"accepted": func(l *lab) net.Conn {
			dial(t, new(net.Dialer), "tcp", tcp.Addr().String())
			return accept(t, l.Listener(tcp))
		},
		"another's": func(l *lab) net.Conn {
			return dial(t, &otelnetstats.Dialer{Tracker: l.Tracker, Base: always(&stub{})}, "tcp", "h:1")
		},
		"another's with all there is": func(l *lab) net.Conn {
			return dial(t, &otelnetstats.Dialer{Tracker: l.Tracker, Base: otelnetstats.DialFunc(func(ctx context.Context, network, address string) (net.Conn, error) {
				c, err := new(net.Dialer).DialContext(ctx, network, address)
				return &foreign{c.(*net.TCPConn)}, err
			})}, "tcp", tcp.Addr().String())
		},
	} {
		t.Run(name, func(t *testing.T) {
			l, other := newLab(t), newLab(t)
			conn := open(l)
			inner := conn.(interface{ NetConn() net.Conn }).NetConn()
			for _, tracker := range []*otelnetstats.Tracker{l.Tracker, other.Tracker} {
				if got := tracker.Register(t.Context(), inner); got != conn {
					t.Errorf("Register gave %T (%v), want the connection itself", got, got == inner)
				}
			}
			again := dial(t, &otelnetstats.Dialer{Tracker: other.Tracker, Base: always(inner)}, "tcp", "h:1")
			if again != conn {
				t.Errorf("a Dialer gave %T, want the connection itself", again)
			}
			if found, _ := otelnetstats.Lookup(inner); found != lookup(t, conn) {
				t.Error("Lookup does not find the record")
			}
			n := 0
			for range l.Conns() {
				n++
			}
			for range other.Conns() {
				n++
			}
			if n != 1 {
				t.Errorf("%d records, want 1", n)
			}
			must(t, conn.Close())
		})
	}
}

// TestNetConnKeepsNothing: what is noted when NetConn is called goes with the
// connection.
func TestNetConnKeepsNothing(t *testing.T) {
	before := otelnetstats.Registrations()
	d := &otelnetstats.Dialer{Tracker: newLab(t).Tracker, Base: otelnetstats.DialFunc(
		func(context.Context, string, string) (net.Conn, error) { return &stub{}, nil })}
	for range 100 {
		conn, err := d.Dial("tcp", "h:1")
		must(t, err)
		for range 10 {
			conn.(interface{ NetConn() net.Conn }).NetConn()
		}
		must(t, conn.Close())
	}
	eventually(t, "nothing is kept", func() bool {
		runtime.GC()
		return otelnetstats.Registrations() <= before
	})
}
