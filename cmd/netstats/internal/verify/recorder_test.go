package verify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/netstats-go/netstats/internal/bridge"
	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/tcpinfo"
)

func TestMain(m *testing.M) {
	switch err := bridge.Check(); {
	case errors.Is(err, bridge.ErrStock):
		fmt.Println("skipped:", err)
		os.Exit(0)
	case err != nil:
		fmt.Println(err)
		os.Exit(1)
	}
	if f := exitTests[os.Getenv("NETSTATS_EXIT_TEST")]; f != nil {
		f()
	}
	os.Exit(m.Run())
}

// A recorder installs hooks and keeps what they are told.
type recorder struct {
	t      *testing.T
	set    connstat.OpenSet
	totals connstat.Totals
	hooks  *bridge.Hooks
	watch  func(*conn, connstat.Direction, int64) // what records are to call
	filter func(ctx context.Context) bool

	mu    sync.Mutex // guards what follows
	conns []*conn
	dials []*dial
	fails []error // of sockets
}

// A conn is a counted socket.
type conn struct {
	connstat.Record
	kind          bridge.Kind
	accepted      bool
	network       string
	local, remote net.Addr
	dial          *dial

	mu       sync.Mutex // guards what follows
	closings int
	leaked   bool
	halves   []connstat.Direction
	reason   connstat.Reason
	ended    chan struct{}
}

func (c *conn) Ended(tcpinfo.Info, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reason = c.Reason()
}

func (c *conn) Closed()           { close(c.ended) }
func (c *conn) Revealed(any, any) {}

// A dial is a dial that was told of.
type dial struct {
	network, address string
	outer            *dial
	opened           *connstat.Record // of the connection, which itself is not kept
	err              error
	ends             int
}

type dialKey struct{}

// record starts recording until the test ends.
func record(t *testing.T) *recorder {
	t.Helper()
	r := &recorder{t: t}
	r.hooks = &bridge.Hooks{
		Dial: r.dial, Socket: r.socket, Accepted: r.accepted, Adopted: r.adopted,
		HalfClosed: halfClosed, Close: closeConn,
	}
	if err := bridge.Install(r.hooks); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bridge.Remove(r.hooks) })
	return r
}

func (r *recorder) dial(ctx context.Context, network, address string) (context.Context, func(net.Conn, error)) {
	d := &dial{network: network, address: address}
	d.outer, _ = ctx.Value(dialKey{}).(*dial)
	r.mu.Lock()
	r.dials = append(r.dials, d)
	r.mu.Unlock()
	return context.WithValue(ctx, dialKey{}, d), func(c net.Conn, err error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		d.err = err
		d.ends++
		if c != nil {
			d.opened = bridge.RecordOf(c)
		}
	}
}

func (r *recorder) socket(ctx context.Context, kind bridge.Kind, network string, _, _ net.Addr) func(local, remote net.Addr, err error) *connstat.Record {
	if r.filter != nil && !r.filter(ctx) {
		return nil
	}
	return func(local, remote net.Addr, err error) *connstat.Record {
		if err != nil {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.fails = append(r.fails, err)
			return nil
		}
		d, _ := ctx.Value(dialKey{}).(*dial)
		return r.open(&conn{kind: kind, network: network, local: local, remote: remote, dial: d})
	}
}

func (r *recorder) accepted(listener *connstat.Record, network string, local, remote net.Addr) *connstat.Record {
	if listener == nil {
		return nil
	}
	return r.open(&conn{accepted: true, network: network, local: local, remote: remote})
}

func (r *recorder) adopted(kind bridge.Kind, network string, local, remote net.Addr) *connstat.Record {
	return r.open(&conn{kind: kind, network: network, local: local, remote: remote})
}

func (r *recorder) open(c *conn) *connstat.Record {
	c.ended = make(chan struct{})
	config := connstat.Config{
		Local: c.local, Remote: c.remote,
		Packet: c.network == "unixgram" || c.network[:2] == "ud" || c.network[:2] == "ip",
		Totals: &r.totals, Set: &r.set,
	}
	if r.watch != nil {
		config.Watch = func(d connstat.Direction, n int64) { r.watch(c, d, n) }
	}
	c.Init(c, config)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns = append(r.conns, c)
	return &c.Record
}

func halfClosed(record *connstat.Record, d connstat.Direction) {
	c := record.Owner.(*conn)
	c.mu.Lock()
	c.halves = append(c.halves, d)
	c.mu.Unlock()
	if d == connstat.Sent {
		record.HalfClosed()
	} else {
		record.ReadClosed()
	}
}

func closeConn(record *connstat.Record, leaked bool, raw syscall.RawConn, inner func() error) error {
	c := record.Owner.(*conn)
	c.mu.Lock()
	c.closings++
	c.leaked = c.leaked || leaked
	first := c.closings == 1
	c.mu.Unlock()
	if err := raw.Control(func(uintptr) {}); first && err != nil {
		panic("close: the descriptor is closed already")
	}
	if leaked {
		record.Dropped()
		return inner()
	}
	err := record.Close(inner, nil)
	if raw.Control(func(uintptr) {}) == nil {
		panic("close: the descriptor is still open")
	}
	return err
}

// all returns the sockets that match.
func (r *recorder) all(match func(*conn) bool) []*conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(r.conns), func(c *conn) bool { return !match(c) })
}

// of returns the record of a connection.
func (r *recorder) of(c any) *conn {
	r.t.Helper()
	record := bridge.RecordOf(c)
	if record == nil {
		r.t.Fatalf("%T has no record", c)
	}
	return record.Owner.(*conn)
}

// A flow is what one direction moved.
type flow struct{ bytes, operations int64 }

// anyNumber of operations is right.
const anyNumber = -1

// moved fails the test unless c moved this.
func moved(t *testing.T, c *conn, received, sent flow) {
	t.Helper()
	rx, tx := c.Flows()
	if !received.is(rx) || !sent.is(tx) {
		t.Errorf("%s %v: received %+v, sent %+v, want %+v, %+v", c.network, c.local, rx, tx, received, sent)
	}
}

func (f flow) is(got connstat.Flow) bool {
	return f.bytes == got.Bytes && (f.operations == got.Operations || f.operations == anyNumber)
}

// pair returns the two ends of a connection, dialed and accepted.
func pair(t *testing.T, network, address string) (dialed, accepted net.Conn) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	result := make(chan net.Conn, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
		}
		result <- c
	}()
	dialed, err = net.Dial(network, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted = <-result
	t.Cleanup(func() { dialed.Close(); accepted.Close() })
	return dialed, accepted
}

// must fails the test if one of the errors is one.
func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}
