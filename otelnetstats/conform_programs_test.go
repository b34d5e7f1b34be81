package otelnetstats_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/rpc"
	"net/smtp"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/netstats-go/netstats/otelnetstats"
)

// A world is where a program runs: how it dials, and what becomes of its
// sockets that listen.
type world struct {
	dial    otelnetstats.DialFunc
	dialTLS func(*tls.Config) otelnetstats.DialFunc
	listen  func(net.Listener) net.Listener
	packets func(net.PacketConn) net.PacketConn
}

func plainWorld() world {
	return world{
		dial: new(net.Dialer).DialContext,
		dialTLS: func(config *tls.Config) otelnetstats.DialFunc {
			return (&tls.Dialer{Config: config}).DialContext
		},
		listen:  func(ln net.Listener) net.Listener { return ln },
		packets: func(c net.PacketConn) net.PacketConn { return c },
	}
}

func (w world) trackClients(l *lab) world {
	d := &otelnetstats.Dialer{Tracker: l.Tracker}
	w.dial, w.dialTLS = d.DialContext, d.TLS
	return w
}

func (w world) trackServers(t testing.TB, l *lab) world {
	w.listen = l.Listener
	w.packets = func(c net.PacketConn) net.PacketConn { return l.RegisterPacketConn(t.Context(), c) }
	return w
}

func (w world) countClients(sum *tally) world {
	w.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return sum.count(c), nil
	}
	w.dialTLS = func(config *tls.Config) otelnetstats.DialFunc {
		return func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := w.dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			client := tls.Client(c, config)
			return client, client.HandshakeContext(ctx)
		}
	}
	return w
}

func (w world) countServers(sum *tally) world {
	w.listen = func(ln net.Listener) net.Listener { return tallyListener{ln, sum} }
	w.packets = func(c net.PacketConn) net.PacketConn {
		sum.open.Add(1)
		return &tallyUDP{c.(*net.UDPConn), sum}
	}
	return w
}

// A tally is what the calls of connections returned in all.
type tally struct{ received, sent, open atomic.Int64 }

func (s *tally) count(c net.Conn) net.Conn {
	s.open.Add(1)
	if c, ok := c.(*net.UDPConn); ok {
		return &tallyUDP{c, s}
	}
	return &tallyConn{Conn: c, sum: s}
}

type tallyListener struct {
	net.Listener
	sum *tally
}

func (l tallyListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.sum.count(c), nil
}

type tallyConn struct {
	net.Conn
	sum    *tally
	closed sync.Once
}

func (c *tallyConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.sum.received.Add(int64(n))
	return n, err
}

func (c *tallyConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.sum.sent.Add(int64(n))
	return n, err
}

func (c *tallyConn) CloseWrite() error { return c.Conn.(*net.TCPConn).CloseWrite() }

func (c *tallyConn) Close() error {
	c.closed.Do(func() { c.sum.open.Add(-1) })
	return c.Conn.Close()
}

// tallyUDP counts the calls that the programs here make.
type tallyUDP struct {
	*net.UDPConn
	sum *tally
}

func (c *tallyUDP) Read(b []byte) (int, error) {
	n, err := c.UDPConn.Read(b)
	c.sum.received.Add(int64(n))
	return n, err
}

func (c *tallyUDP) Write(b []byte) (int, error) {
	n, err := c.UDPConn.Write(b)
	c.sum.sent.Add(int64(n))
	return n, err
}

func (c *tallyUDP) ReadFrom(b []byte) (int, net.Addr, error) {
	n, addr, err := c.UDPConn.ReadFrom(b)
	c.sum.received.Add(int64(n))
	return n, addr, err
}

func (c *tallyUDP) WriteTo(b []byte, addr net.Addr) (int, error) {
	n, err := c.UDPConn.WriteTo(b, addr)
	c.sum.sent.Add(int64(n))
	return n, err
}

func (c *tallyUDP) Close() error {
	c.sum.open.Add(-1)
	return c.UDPConn.Close()
}

// records keeps the records of all connections.
type records struct {
	otelnetstats.NopCallback
	mu   sync.Mutex
	list []*otelnetstats.Conn
}

func (r *records) Open(_ context.Context, c *otelnetstats.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, c)
}

// total adds up the Stats of all.
func (r *records) total() (received, sent int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.list {
		s := c.Stats()
		received += s.Received.Bytes
		sent += s.Sent.Bytes
	}
	return received, sent
}

// A program uses a part of the standard library and says what it got. When it
// returns, its connections are closed, or about to be.
type program struct {
	name string
	run  func(t *testing.T, w world) string
	// abrupt: a side may close before it has read all, which resets the
	// connection, and the other side may then not read all either.
	abrupt bool
}

var programs = []program{
	{name: "http", run: runHTTP},
	{name: "http2", run: runHTTP2, abrupt: true},
	{name: "upgrade through ReverseProxy", run: runUpgrade},
	{name: "hijack", run: runHijack},
	{name: "rpc", run: runRPC},
	{name: "smtp", run: runSMTP},
	{name: "resolver", run: runResolver},
}

// TestProgramsOverTrackedConnections runs each program over plain connections
// and over tracked ones. It must not see a difference, and what is counted is
// what the other side counts, be it tracked or not.
func TestProgramsOverTrackedConnections(t *testing.T) {
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			want := p.run(t, plainWorld())
			t.Run("clients", func(t *testing.T) {
				clients, peers := newBooks(t, "client"), new(tally)
				p.compare(t, plainWorld().trackClients(clients.lab).countServers(peers), want)
				sent, received := peers.final(t)
				clients.want(t, received, sent, p.abrupt)
			})
			t.Run("servers", func(t *testing.T) {
				servers, peers := newBooks(t, "server"), new(tally)
				p.compare(t, plainWorld().countClients(peers).trackServers(t, servers.lab), want)
				sent, received := peers.final(t)
				servers.want(t, received, sent, p.abrupt)
			})
			t.Run("both", func(t *testing.T) {
				clients, servers := newBooks(t, "client"), newBooks(t, "server")
				p.compare(t, plainWorld().trackClients(clients.lab).trackServers(t, servers.lab), want)
				received, sent := servers.final(t)
				clients.want(t, received, sent, p.abrupt)
			})
		})
	}
}

func (p program) compare(t *testing.T, w world, want string) {
	t.Helper()
	if got := p.run(t, w); got != want {
		t.Errorf("over tracked connections:\n%s\nover plain ones:\n%s", got, want)
	}
}

// books are what a Tracker says of all connections of a role.
type books struct {
	*lab
	records *records
	role    string
}

func newBooks(t *testing.T, role string) *books {
	t.Helper()
	r := new(records)
	return &books{newLab(t, otelnetstats.WithCallback(r)), r, role}
}

// final waits until all connections are closed.
func (b *books) final(t *testing.T) (received, sent int64) {
	t.Helper()
	until(t, "no connection is open", func() bool {
		return collect(t, b.cumulative).sum("netstats."+b.role+".connection.count") == 0
	})
	return b.records.total()
}

// want compares the books with what the peers received and sent. What was sent
// to a side that is abrupt need not have been read.
func (b *books) want(t *testing.T, peersReceived, peersSent int64, abrupt bool) {
	t.Helper()
	gotReceived, gotSent := b.final(t)
	metrics := collect(t, b.cumulative)
	for i, direction := range []struct {
		attribute.KeyValue
		stats, peers int64
	}{{received, gotReceived, peersSent}, {transmitted, gotSent, peersReceived}} {
		if n := metrics.sum("netstats."+b.role+".io", direction.KeyValue); n != direction.stats {
			t.Errorf("%v: the metric says %d, StatsOf %d", direction.Value.AsInterface(), n, direction.stats)
		}
		unread := direction.peers - direction.stats
		if i == 1 {
			unread = -unread
		}
		if unread < 0 || unread > 0 && !abrupt {
			t.Errorf("%v: %d, the peers counted %d", direction.Value.AsInterface(), direction.stats, direction.peers)
		}
		if direction.stats == 0 {
			t.Errorf("%v: nothing", direction.Value.AsInterface())
		}
	}
}

// final waits until all connections are closed.
func (s *tally) final(t *testing.T) (sent, received int64) {
	t.Helper()
	until(t, "no peer is open", func() bool { return s.open.Load() == 0 })
	return s.sent.Load(), s.received.Load()
}

// until waits for what gives no signal.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not so: %s", what)
		}
	}
}

// must stops the test at the first error.
func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// Arithmetic is a service of net/rpc.
type Arithmetic struct{}

// Repeat answers with n bytes.
func (Arithmetic) Repeat(n int, reply *[]byte) error {
	if n < 0 {
		return errors.New("negative")
	}
	*reply = make([]byte, n)
	return nil
}

func runRPC(t *testing.T, w world) string {
	server := rpc.NewServer()
	must(t, server.Register(Arithmetic{}))
	ln := w.listen(listen(t, "tcp", "127.0.0.1:0"))
	serveOn(t, ln, func(c net.Conn) { server.ServeConn(c) })
	conn, err := w.dial(t.Context(), "tcp", ln.Addr().String())
	must(t, err)
	client := rpc.NewClient(conn)
	results := make([]string, 20)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() {
			var reply []byte
			err := client.Call("Arithmetic.Repeat", i*1000-1000, &reply)
			results[i] = fmt.Sprint(len(reply), err)
		})
	}
	wg.Wait()
	must(t, client.Close())
	return strings.Join(append(results, fmt.Sprint(client.Call("Arithmetic.Repeat", 1, new([]byte)))), "\n")
}

// runSMTP sends a mail, and another one with STARTTLS.
func runSMTP(t *testing.T, w world) string {
	cert, pool := certificate()
	ln := w.listen(listen(t, "tcp", "127.0.0.1:0"))
	mails := make(chan string, 1)
	serveOn(t, ln, func(c net.Conn) {
		mail, err := receiveMail(c, &tls.Config{Certificates: []tls.Certificate{cert}})
		mails <- fmt.Sprintf("%x %v", sha256.Sum256([]byte(mail)), err)
	})
	out := new(strings.Builder)
	for _, secure := range []bool{false, true} {
		conn, err := w.dial(t.Context(), "tcp", ln.Addr().String())
		must(t, err)
		client, err := smtp.NewClient(conn, "server.test")
		must(t, err)
		if secure {
			must(t, client.StartTLS(&tls.Config{RootCAs: pool, ServerName: "server.test"}))
		}
		must(t, client.Mail("a@server.test"), client.Rcpt("b@server.test"))
		data, err := client.Data()
		must(t, err)
		for i := range 10_000 {
			fmt.Fprintf(data, "line %d\n.\n", i)
		}
		must(t, data.Close())
		fmt.Fprintln(out, client.Quit(), <-mails)
	}
	return out.String()
}

// receiveMail is an SMTP server for a mail. It reads on until the client closes.
func receiveMail(c net.Conn, config *tls.Config) (mail string, err error) {
	text := textproto.NewConn(c)
	must := func(e error) { err = errors.Join(err, e) }
	must(text.PrintfLine("220 server.test"))
	for err == nil {
		var line string
		if line, err = text.ReadLine(); err != nil {
			break
		}
		switch command, _, _ := strings.Cut(line, " "); command {
		case "EHLO":
			must(text.PrintfLine("250-server.test\r\n250 STARTTLS"))
		case "STARTTLS":
			must(text.PrintfLine("220 go ahead"))
			text = textproto.NewConn(tls.Server(c, config))
		case "DATA":
			must(text.PrintfLine("354 go ahead"))
			lines, e := text.ReadDotLines()
			mail = strings.Join(lines, "\n")
			must(e)
			must(text.PrintfLine("250 kept"))
		case "QUIT":
			must(text.PrintfLine("221 bye"))
		default:
			must(text.PrintfLine("250 fine"))
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return mail, err
}

// runResolver has names looked up over UDP, and those that begin with "big" over
// TCP, as their answers are said to be too long.
func runResolver(t *testing.T, w world) string {
	names := nameServer{hosts: map[string][]net.IP{
		"small.test": {net.IPv4(192, 0, 2, 1), net.ParseIP("2001:db8::1")},
		"big.test":   nil,
	}}
	for i := range 200 {
		names.hosts["big.test"] = append(names.hosts["big.test"], net.IPv4(192, 0, 2, byte(i)))
	}
	inner, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	udp := w.packets(inner)
	var wg sync.WaitGroup
	wg.Go(func() { names.serveShort(udp) })
	ln := w.listen(listen(t, "tcp", "127.0.0.1:0"))
	serveOn(t, ln, names.serveStream)
	dialed := make(map[string]int)
	var mu sync.Mutex
	r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		mu.Lock()
		dialed[network]++
		mu.Unlock()
		if network == "udp" {
			return w.dial(ctx, network, udp.LocalAddr().String())
		}
		return w.dial(ctx, network, ln.Addr().String())
	}}
	out := new(strings.Builder)
	for _, name := range []string{"small.test.", "big.test.", "none.test."} {
		addrs, err := r.LookupHost(t.Context(), name)
		slices.Sort(addrs)
		missing, ok := errors.AsType[*net.DNSError](err)
		fmt.Fprintln(out, name, addrs, ok && missing.IsNotFound)
	}
	mu.Lock()
	defer mu.Unlock()
	fmt.Fprintln(out, dialed)
	must(t, udp.Close())
	wg.Wait()
	return out.String()
}

// serveShort answers over UDP. Its long answers are cut off.
func (s *nameServer) serveShort(conn net.PacketConn) {
	b := make([]byte, 1500)
	for {
		n, from, err := conn.ReadFrom(b)
		if err != nil {
			return
		}
		answer, err := s.answer(b[:n])
		if err != nil {
			return
		}
		const header, flags, truncated = 12, 2, 2
		if len(answer) > 512 {
			clear(answer[6:header]) // no answer at all
			answer = append(answer[:header:header], b[header:n]...)
			answer[flags] |= truncated
			copy(answer[4:], b[4:header])
		}
		_, _ = conn.WriteTo(answer, from)
	}
}

// serveStream answers over TCP.
func (s *nameServer) serveStream(c net.Conn) {
	r := bufio.NewReader(c)
	for {
		var size [2]byte
		if _, err := io.ReadFull(r, size[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(r, query); err != nil {
			return
		}
		answer, err := s.answer(query)
		if err != nil {
			return
		}
		_, _ = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
	}
}
