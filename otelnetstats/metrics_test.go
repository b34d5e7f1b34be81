package otelnetstats_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/netstats-go/netstats/otelnetstats"
)

var (
	wantConnectionBuckets = []float64{.001, .01, .1, 1, 10, 60, 600, 3600, 43200}
	wantDialBuckets       = []float64{.0005, .001, .005, .01, .05, .1, .5, 1, 10}
	wantLookupBuckets     = []float64{.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10}
)

// openAll opens one connection of each kind and returns the attributes that
// their metrics must have: those of dials, of clients and of servers.
func openAll(t *testing.T, l *lab) (dials, clients, servers []attribute.Set) {
	t.Helper()
	ln := l.Listener(listen(t, "tcp", "127.0.0.1:0"))
	_, port := portOf(t, ln.Addr().String())
	conn := dial(t, &otelnetstats.Dialer{Tracker: l.Tracker, Name: "pool"}, "tcp4", fmt.Sprintf("localhost:%d", port))
	accepted, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { accepted.Close() })
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, udpPort := portOf(t, udp.LocalAddr().String())
	bound := l.RegisterPacketConn(t.Context(), udp)
	t.Cleanup(func() { bound.Close() })
	path := t.TempDir() + "/s"
	serveOn(t, listen(t, "unix", path), wait)
	unix := dial(t, &otelnetstats.Dialer{Tracker: l.Tracker}, "unix", path)
	for _, c := range []net.Conn{conn, accepted, unix} {
		send(t, c, 1)
	}
	ipv4 := attribute.String("network.type", "ipv4")
	base := []attribute.KeyValue{
		attribute.String("network.transport", "tcp"), attribute.String("server.address", "localhost"), attribute.Int("server.port", port),
		attribute.String("netstats.dialer.name", "pool"), attribute.String("site", "x"),
	}
	unixSet := attribute.NewSet(attribute.String("network.transport", "unix"), attribute.String("server.address", path), attribute.String("site", "x"))
	dials = []attribute.Set{attribute.NewSet(base...), unixSet}
	clients = []attribute.Set{attribute.NewSet(append(base, ipv4)...), unixSet}
	servers = []attribute.Set{
		attribute.NewSet(attribute.String("network.transport", "tcp"), ipv4, attribute.String("server.address", "127.0.0.1"), attribute.Int("server.port", port), attribute.String("site", "x")),
		attribute.NewSet(attribute.String("network.transport", "udp"), ipv4, attribute.String("server.address", "127.0.0.1"), attribute.Int("server.port", udpPort), attribute.String("site", "x")),
	}
	return dials, clients, servers
}

// TestMetrics compares all that is exported by default, names, units,
// descriptions, kinds, attributes and buckets, with the specification.
func TestMetrics(t *testing.T) {
	l := newLab(t, otelnetstats.WithMetricAttributes(attribute.String("site", "x")))
	dials, clients, servers := openAll(t, l)
	sum := func(monotonic bool, sets []attribute.Set, directions ...attribute.KeyValue) metricdata.Sum[int64] {
		data := metricdata.Sum[int64]{Temporality: metricdata.CumulativeTemporality, IsMonotonic: monotonic}
		for _, set := range sets {
			if directions == nil {
				data.DataPoints = append(data.DataPoints, metricdata.DataPoint[int64]{Attributes: set})
			}
			for _, d := range directions {
				data.DataPoints = append(data.DataPoints, metricdata.DataPoint[int64]{Attributes: attribute.NewSet(append(set.ToSlice(), d)...)})
			}
		}
		return data
	}
	histogram := func(sets []attribute.Set) metricdata.Histogram[float64] {
		data := metricdata.Histogram[float64]{Temporality: metricdata.CumulativeTemporality}
		for _, set := range sets {
			data.DataPoints = append(data.DataPoints, metricdata.HistogramDataPoint[float64]{Attributes: set})
		}
		return data
	}
	all := []attribute.Set{attribute.NewSet(attribute.String("site", "x"))}
	names := []attribute.Set{attribute.NewSet(attribute.String("dns.question.name", "localhost"), attribute.String("site", "x"))}
	const (
		io       = "Bytes transferred by the application over instrumented connections."
		open     = "Instrumented connections currently open."
		packets  = "Datagrams transferred over instrumented packet connections."
		duration = "Duration of attempts to open an outbound connection."
		active   = "Attempts to open an outbound connection that are under way."
	)
	want := []metricdata.Metrics{
		{Name: "netstats.client.io", Unit: "By", Description: io, Data: sum(true, clients, received, transmitted)},
		{Name: "netstats.server.io", Unit: "By", Description: io, Data: sum(true, servers, received, transmitted)},
		{Name: "netstats.client.connection.count", Unit: "{connection}", Description: open, Data: sum(false, clients)},
		{Name: "netstats.server.connection.count", Unit: "{connection}", Description: open, Data: sum(false, servers)},
		{Name: "netstats.server.packet.count", Unit: "{packet}", Description: packets, Data: sum(true, servers[1:], received, transmitted)},
		{Name: "netstats.dial.duration", Unit: "s", Description: duration, Data: histogram(dials)},
		{Name: "netstats.dial.active", Unit: "{dial}", Description: active, Data: sum(false, dials)},
		{Name: "netstats.server.connection.accepted", Unit: "{connection}", Description: "Accept results on instrumented listeners.", Data: sum(true, servers[:1])},
		{Name: "dns.lookup.duration", Unit: "s", Description: "Measures the time taken to perform a DNS lookup.", Data: histogram(names)},
		{Name: "netstats.distinct_server.count", Unit: "{server}", Description: "Servers that have answered and that metrics tell apart.", Data: sum(false, all)},
		{Name: "netstats.distinct_server.limit", Unit: "{server}", Description: "How many servers metrics can tell apart; the others are counted together as _OTHER.", Data: sum(false, all)},
	}
	s := collect(t, l.cumulative)
	checkMetrics(t, s, want)
	for name, want := range map[string][]float64{"netstats.dial.duration": wantDialBuckets, "dns.lookup.duration": wantLookupBuckets} {
		for _, p := range s.histogram(name) {
			if !reflect.DeepEqual(p.Bounds, want) {
				t.Errorf("%s: bounds %v, want %v", name, p.Bounds, want)
			}
		}
	}
	if s.Scope.Name != "github.com/netstats-go/netstats/otelnetstats" || s.Scope.Version != otelnetstats.Version || s.Scope.SchemaURL != "https://opentelemetry.io/schemas/1.43.0" {
		t.Errorf("scope %+v", s.Scope)
	}
}

func checkMetrics(t *testing.T, s snapshot, want []metricdata.Metrics) {
	t.Helper()
	if len(s.Metrics) != len(want) {
		t.Errorf("%d metrics, want %d", len(s.Metrics), len(want))
	}
	for _, m := range want {
		got, ok := s.metric(m.Name)
		if !ok {
			t.Errorf("no metric %s", m.Name)
			continue
		}
		metricdatatest.AssertEqual(t, m, got, metricdatatest.IgnoreTimestamp(), metricdatatest.IgnoreValue(), metricdatatest.IgnoreExemplars())
	}
}

func TestConnectionDurationMetric(t *testing.T) {
	l := newLab(t)
	l.Register(t.Context(), &stub{}).Close()
	ln := l.Listener(listen(t, "tcp", "127.0.0.1:0"))
	dial(t, new(net.Dialer), "tcp", ln.Addr().String())
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	s := collect(t, l.cumulative)
	for _, side := range []string{"client", "server"} {
		m, _ := s.metric("netstats." + side + ".connection.duration")
		if m.Unit != "s" || m.Description != "Duration of instrumented connections, from open to close." {
			t.Errorf("%s: unit %q, description %q", side, m.Unit, m.Description)
		}
		points := s.histogram("netstats." + side + ".connection.duration")
		if len(points) != 1 || points[0].Count != 1 || !reflect.DeepEqual(points[0].Bounds, wantConnectionBuckets) {
			t.Errorf("%s: %+v, want one recording in buckets %v", side, points, wantConnectionBuckets)
		}
	}
}

// TestClosedMetric: with those that are open, those that were closed are all that were
// opened. There is no set for a reason that did not occur, nor one without any.
func TestClosedMetric(t *testing.T) {
	const metric = "netstats.client.connection.closed"
	l := newLab(t, otelnetstats.WithMaxServers(1))
	register := func(server byte) net.Conn {
		return l.Register(t.Context(), &stub{remote: &net.TCPAddr{IP: net.IPv4(192, 0, 2, server), Port: 80}})
	}
	for _, n := range []int{0, 1, 2} {
		if got := collect(t, l.cumulative).sum(metric); got != int64(n) {
			t.Errorf("%d have closed, want %d", got, n)
		}
		register(1).Close()
	}
	for server := range byte(3) {
		register(2 + server).Close() // past the cap
	}
	open := []net.Conn{register(1), register(2)}
	defer closeAll(open)
	s := collect(t, l.cumulative)
	local := attribute.String("netstats.connection.close.reason", "local")
	for address, want := range map[string]int64{"192.0.2.1": 3, "_OTHER": 3} {
		if got := s.sum(metric, local, attribute.String("server.address", address)); got != want {
			t.Errorf("%d connections to %s have closed, want %d", got, address, want)
		}
	}
	if got := s.sets(metric); len(got) != 2 {
		t.Errorf("the sets are %v, want 2", got)
	}
	if got := s.sum("netstats.client.connection.count"); got != int64(len(open)) {
		t.Errorf("%d are open, want %d", got, len(open))
	}
}

// TestMetricsOfOpenConnections have what they moved by then.
func TestMetricsOfOpenConnections(t *testing.T) {
	l := newLab(t)
	if s := collect(t, l.cumulative); len(s.Metrics) != 0 {
		t.Errorf("a Tracker without connections has %d metrics", len(s.Metrics))
	}
	conn := l.Register(t.Context(), &stub{})
	defer conn.Close()
	for _, want := range []int64{5, 10} {
		send(t, conn, 5)
		s := collect(t, l.cumulative)
		if got := s.sum("netstats.client.io", transmitted); got != want {
			t.Errorf("io is %d, want %d", got, want)
		}
		if _, ok := s.metric("netstats.client.tcp.retransmits"); ok {
			t.Error("a connection that the kernel does not know has segments")
		}
	}
}

func TestMetricsNeverVanish(t *testing.T) {
	l := newLab(t)
	l.Register(t.Context(), &stub{}).Close()
	for i := range 3 {
		for name, r := range map[string]snapshot{"cumulative": collect(t, l.cumulative), "delta": collect(t, l.delta)} {
			for _, m := range []string{"netstats.client.io", "netstats.client.connection.count"} {
				want := 1
				if m == "netstats.client.io" {
					want = 2
				}
				if got := len(r.sets(m)); got != want {
					t.Errorf("%s, collection %d: %d streams of %s, want %d", name, i, got, m, want)
				}
			}
		}
	}
}

func TestServersPastTheCapAreCountedTogether(t *testing.T) {
	l := newLab(t, otelnetstats.WithMaxServers(2))
	d := &otelnetstats.Dialer{Tracker: l.Tracker, Base: stubDialer}
	for _, address := range []string{"a:1", "b:1", "c:1", "d:1", "a:2", "b:1"} {
		conn := dial(t, d, "tcp", address)
		send(t, conn, 10)
		conn.Close()
	}
	s := collect(t, l.cumulative)
	other := []attribute.KeyValue{attribute.String("server.address", "_OTHER"), absent("server.port"), attribute.String("network.transport", "tcp")}
	for _, test := range []struct {
		want int64
		set  []attribute.KeyValue
	}{
		{10, []attribute.KeyValue{attribute.String("server.address", "a"), attribute.Int("server.port", 1)}},
		{20, []attribute.KeyValue{attribute.String("server.address", "b"), attribute.Int("server.port", 1)}},
		{30, other},
	} {
		if got := s.sum("netstats.client.io", append(test.set, transmitted)...); got != test.want {
			t.Errorf("%v: %d, want %d", test.set, got, test.want)
		}
		if got := s.count("netstats.client.connection.duration", test.set...); int64(got) != test.want/10 {
			t.Errorf("%v: %d durations, want %d", test.set, got, test.want/10)
		}
		if got := s.count("netstats.dial.duration", test.set...); int64(got) != test.want/10 {
			t.Errorf("%v: %d dials, want %d", test.set, got, test.want/10)
		}
	}
	var names []string
	for _, span := range l.spans.Ended() {
		names = append(names, span.Name())
		if span.Name() == "dial tcp" || span.Name() == "connection tcp" {
			if got := attrsOf(span.Attributes())["server.address"].AsString(); got == "_OTHER" || got == "" {
				t.Errorf("%s: server.address %q, want the true one", span.Name(), got)
			}
		}
	}
	want := "dial a:1 connection a:1 dial b:1 connection b:1 dial tcp connection tcp dial tcp connection tcp dial tcp connection tcp dial b:1 connection b:1"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("spans %s\nwant  %s", got, want)
	}
}

func TestSetsOfAServerAreBounded(t *testing.T) {
	l := newLab(t)
	for i := range 20 {
		d := &otelnetstats.Dialer{Tracker: l.Tracker, Base: stubDialer, Name: fmt.Sprint("pool", i)}
		conn := dial(t, d, "tcp", "a:1")
		send(t, conn, 1)
		conn.Close()
	}
	s := collect(t, l.cumulative)
	for _, m := range []string{"netstats.client.connection.count", "netstats.dial.active", "netstats.dial.duration", "netstats.client.connection.duration"} {
		of, other := 0, 0
		for _, set := range s.sets(m) {
			if has(set, []attribute.KeyValue{attribute.String("server.address", "_OTHER")}) {
				other++
			} else {
				of++
			}
		}
		if of != 4 || other != 1 {
			t.Errorf("%s: %d sets of the server and %d others, want 4 and 1", m, of, other)
		}
	}
	if got := s.sum("netstats.client.io"); got != 20 {
		t.Errorf("io = %d, want 20", got)
	}
}

func TestNoServersAtAll(t *testing.T) {
	l := newLab(t, otelnetstats.WithMaxServers(0))
	dial(t, &otelnetstats.Dialer{Tracker: l.Tracker, Base: stubDialer}, "tcp", "a:1").Close()
	for _, set := range collect(t, l.cumulative).sets("netstats.client.io") {
		if v, _ := set.Value("server.address"); v.AsString() != "_OTHER" {
			t.Errorf("set %v", set.ToSlice())
		}
	}
}

// TestDistinctServersAreBounded dials so many servers, on networks of any name,
// that whatever is kept of each would show.
func TestDistinctServersAreBounded(t *testing.T) {
	n := 100_000
	if testing.Short() {
		n = 10_000
	}
	l := newSampledLab(t, never{})
	d := &otelnetstats.Dialer{Tracker: l.Tracker, Base: stubDialer}
	dialOne := func(i int) {
		network := "tcp"
		if i%3 == 0 {
			network = fmt.Sprint("net", i)
		}
		d.Name = fmt.Sprint("pool", i)
		conn, err := d.DialContext(t.Context(), network, fmt.Sprintf("host%d.test:%d", i, i%60_000+1))
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	for i := range 2000 {
		dialOne(i)
	}
	before := heap()
	for i := range n {
		dialOne(2000 + i)
	}
	if grown := heap() - before; grown > 1<<20 {
		t.Errorf("the heap grew by %d bytes over %d servers", grown, n)
	}
	s := collect(t, l.cumulative)
	for _, m := range []string{"netstats.client.connection.count", "netstats.dial.duration", "netstats.client.connection.duration"} {
		if got := len(s.sets(m)); got > 200+8 {
			t.Errorf("%s has %d sets, want 200 and a few others", m, got)
		}
	}
	if got := s.count("netstats.dial.duration"); got != 2000+n {
		t.Errorf("%d dials counted, want %d", got, 2000+n)
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC() // cleanups
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestErrorTypesOfDials(t *testing.T) {
	wrap := func(err error) error { return &net.OpError{Op: "dial", Err: err} }
	sys := func(errno syscall.Errno) error { return wrap(&net.OpError{Op: "connect", Err: errno}) }
	for _, test := range []struct {
		err  error
		want string
	}{
		{sys(syscall.ECONNREFUSED), "connection_refused"},
		{sys(syscall.ECONNRESET), "connection_reset"},
		{sys(syscall.EPIPE), "broken_pipe"},
		{sys(syscall.ETIMEDOUT), "timeout"},
		{sys(syscall.ENETUNREACH), "network_unreachable"},
		{sys(syscall.EHOSTUNREACH), "host_unreachable"},
		{sys(syscall.EADDRINUSE), "address_in_use"},
		{sys(syscall.EADDRNOTAVAIL), "address_not_available"},
		{sys(syscall.EACCES), "access_denied"},
		{sys(syscall.EMFILE), "too_many_open_files"},
		{wrap(context.Canceled), "canceled"},
		{wrap(context.DeadlineExceeded), "timeout"},
		{wrap(&net.DNSError{IsNotFound: true}), "host_not_found"},
		{wrap(&net.DNSError{IsTimeout: true}), "timeout"},
		{wrap(&net.DNSError{IsTemporary: true}), "try_again"},
		{fmt.Errorf("proxy: %w", sys(syscall.ECONNREFUSED)), "connection_refused"},
		{net.UnknownNetworkError("x"), "net.UnknownNetworkError"},
	} {
		l := newLab(t)
		base := otelnetstats.DialFunc(func(context.Context, string, string) (net.Conn, error) { return nil, test.err })
		if _, err := (&otelnetstats.Dialer{Tracker: l.Tracker, Base: base}).Dial("tcp", "h:1"); !errors.Is(err, test.err) {
			t.Errorf("got error %v", err)
		}
		if got := collect(t, l.cumulative).count("netstats.dial.duration", attribute.String("error.type", test.want)); got != 1 {
			t.Errorf("%v: not counted as %s but %v", test.err, test.want, collect(t, l.cumulative).sets("netstats.dial.duration"))
		}
	}
}

// TestErrorTypesAreBounded has each dial fail with an error of its own type
// name, as a generic error type may have.
func TestErrorTypesAreBounded(t *testing.T) {
	l := newLab(t)
	var err error
	base := otelnetstats.DialFunc(func(context.Context, string, string) (net.Conn, error) { return nil, err })
	d := &otelnetstats.Dialer{Tracker: l.Tracker, Base: base}
	for i := range 200 {
		err = named(fmt.Sprint("type", i))
		if _, got := d.Dial("tcp", "h:1"); got == nil {
			t.Fatal("no error")
		}
	}
	s := collect(t, l.cumulative)
	if got := len(s.sets("netstats.dial.duration")); got > 33 {
		t.Errorf("%d sets, want at most 33", got)
	}
	if got := s.count("netstats.dial.duration"); got != 200 {
		t.Errorf("%d dials, want 200", got)
	}
}

// named is an error that says its type itself, as package semconv asks.
type named string

func (n named) Error() string     { return string(n) }
func (n named) ErrorType() string { return string(n) }

func TestAcceptedConnections(t *testing.T) {
	l := newLab(t)
	inner := &listener{conns: make(chan net.Conn, 8), errs: make(chan error, 8)}
	ln := l.Listener(inner)
	for range 3 {
		inner.conns <- &stub{}
		c, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	want := error(&net.OpError{Op: "accept", Err: syscall.EMFILE})
	inner.errs <- want
	if _, err := ln.Accept(); err != want { //nolint:errorlint // the very error
		t.Errorf("Accept: %v, want %v", err, want)
	}
	inner.errs <- &net.OpError{Op: "accept", Err: net.ErrClosed}
	if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept: %v", err)
	}
	s := collect(t, l.cumulative)
	of := []attribute.KeyValue{attribute.String("server.address", "192.0.2.1"), attribute.Int("server.port", 80), attribute.String("network.transport", "tcp")}
	if got := s.sum("netstats.server.connection.accepted", append(of, absent("error.type"))...); got != 3 {
		t.Errorf("%d accepted, want 3", got)
	}
	if got := s.sum("netstats.server.connection.accepted", append(of, attribute.String("error.type", "too_many_open_files"))...); got != 1 {
		t.Errorf("%d failed for too many open files, want 1", got)
	}
	if got := s.sum("netstats.server.connection.accepted"); got != 4 {
		t.Errorf("%d results, want 4: that of a closed listener is none", got)
	}
	if got := s.count("netstats.server.connection.duration"); got != 3 {
		t.Errorf("%d durations, want 3", got)
	}
}

// A listener accepts what it is given.
type listener struct {
	conns chan net.Conn
	errs  chan error
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case err := <-l.errs:
		return nil, err
	}
}
func (l *listener) Close() error { return nil }
func (l *listener) Addr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80}
}

func TestPacketCounts(t *testing.T) {
	l := newLab(t)
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	bound := l.RegisterPacketConn(t.Context(), server)
	defer bound.Close()
	conn := dial(t, &otelnetstats.Dialer{Tracker: l.Tracker}, "udp", server.LocalAddr().String())
	buf := make([]byte, 100)
	for _, n := range []int{10, 0, 20} {
		if _, err := conn.Write(make([]byte, n)); err != nil {
			t.Fatal(err)
		}
		got, from, err := bound.ReadFrom(buf)
		if err != nil || got != n {
			t.Fatalf("ReadFrom: %d, %v", got, err)
		}
		if _, err := bound.WriteTo(buf[:1], from); err != nil {
			t.Fatal(err)
		}
		receive(t, conn, 1)
	}
	s := collect(t, l.cumulative)
	for _, test := range []struct {
		name           string
		direction      attribute.KeyValue
		packets, bytes int64
	}{
		{"client", transmitted, 3, 30},
		{"client", received, 3, 3},
		{"server", received, 3, 30},
		{"server", transmitted, 3, 3},
	} {
		if got := s.sum("netstats."+test.name+".packet.count", test.direction, attribute.String("network.transport", "udp")); got != test.packets {
			t.Errorf("%v %v: %d packets, want %d", test.name, test.direction.Value.AsInterface(), got, test.packets)
		}
		if got := s.sum("netstats."+test.name+".io", test.direction); got != test.bytes {
			t.Errorf("%v %v: %d bytes, want %d", test.name, test.direction.Value.AsInterface(), got, test.bytes)
		}
	}
	if m, _ := s.metric("netstats.client.packet.count"); m.Unit != "{packet}" || m.Description != "Datagrams transferred over instrumented packet connections." {
		t.Errorf("netstats.client.packet.count: %+v", m)
	}
	if got := statsOf(t, conn).Sent; got != (otelnetstats.Flow{Bytes: 30, Operations: 3}) {
		t.Errorf("stats: %+v sent, want 30 bytes in 3 operations, that of the empty datagram among them", got)
	}
}

func TestStreamsHaveNoPacketCount(t *testing.T) {
	l := newLab(t)
	conn := l.Register(t.Context(), &stub{})
	send(t, conn, 1)
	conn.Close()
	if _, ok := collect(t, l.cumulative).metric("netstats.client.packet.count"); ok {
		t.Error("a stream connection has a packet count")
	}
}

// TestPacketsOfOtherPeoplesConns has a packet connection that embeds package
// net's, as wrappers commonly do.
func TestPacketsOfOtherPeoplesConns(t *testing.T) {
	l := newLab(t)
	inner, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	conn := l.RegisterPacketConn(t.Context(), struct{ *net.UDPConn }{inner})
	defer conn.Close()
	if _, err := conn.WriteTo([]byte("abc"), inner.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	if n, _, err := conn.ReadFrom(make([]byte, 10)); n != 3 || err != nil {
		t.Fatalf("ReadFrom: %d, %v", n, err)
	}
	s := collect(t, l.cumulative)
	for _, d := range []attribute.KeyValue{received, transmitted} {
		if got := s.sum("netstats.server.packet.count", d); got != 1 {
			t.Errorf("%v: %d packets, want 1", d.Value.AsInterface(), got)
		}
		if got := s.sum("netstats.server.io", d); got != 3 {
			t.Errorf("%v: %d bytes, want 3", d.Value.AsInterface(), got)
		}
	}
}

func TestConnectionCountGoesBackToZeroConcurrentSafe(t *testing.T) {
	l := newLab(t)
	d := &otelnetstats.Dialer{Tracker: l.Tracker, Base: stubDialer}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for j := range 50 {
				conn, err := d.Dial("tcp", fmt.Sprintf("h%d:%d", i, j%3+1))
				if err != nil {
					t.Error(err)
					return
				}
				send(t, conn, 10)
				conn.Close()
				conn.Close()
			}
		})
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		var last int64
		for range 50 {
			s := collect(t, l.cumulative)
			if got := s.sum("netstats.client.connection.count"); got < 0 || got > 4 {
				t.Errorf("connection.count = %d, want 0 to 4", got)
			}
			io := s.sum("netstats.client.io")
			if io < last {
				t.Errorf("io went back from %d to %d", last, io)
			}
			last = io
		}
	}()
	wg.Wait()
	<-done
	s := collect(t, l.cumulative)
	if got := s.sum("netstats.client.connection.count"); got != 0 {
		t.Errorf("connection.count = %d, want 0", got)
	}
	if got := s.sum("netstats.client.io", transmitted); got != 2000 {
		t.Errorf("io = %d, want 2000", got)
	}
	if got := s.count("netstats.client.connection.duration"); got != 200 {
		t.Errorf("%d durations, want 200", got)
	}
}

func TestExemplars(t *testing.T) {
	address := serve(t, wait)
	l := newLab(t)
	conn := dial(t, &otelnetstats.Dialer{Tracker: l.Tracker}, "tcp", address)
	conn.Close()
	s := collect(t, l.cumulative)
	for metric, span := range map[string]string{"netstats.client.connection.duration": "connection", "netstats.dial.duration": "dial"} {
		sc := l.only(t, span).SpanContext()
		spanID, traceID := sc.SpanID(), sc.TraceID()
		n := 0
		for _, p := range s.histogram(metric) {
			for _, e := range p.Exemplars {
				n++
				if string(e.SpanID) != string(spanID[:]) || string(e.TraceID) != string(traceID[:]) {
					t.Errorf("%s: the exemplar is not of the %s span", metric, span)
				}
			}
		}
		if n != 1 {
			t.Errorf("%s has %d exemplars, want 1", metric, n)
		}
	}
}

// TestExemplarsOfUnsampledSpans, which a reader may want of all, name no span: it is
// nowhere to be found.
func TestExemplarsOfUnsampledSpans(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader), sdkmetric.WithExemplarFilter(exemplar.AlwaysOnFilter))
	l := newSampledLab(t, recordOnly{}, otelnetstats.WithMeterProvider(meters))
	l.Register(t.Context(), &stub{}).Close()
	n := 0
	for _, p := range collect(t, reader).histogram("netstats.client.connection.duration") {
		for _, e := range p.Exemplars {
			if n++; len(e.SpanID) != 0 {
				t.Errorf("the exemplar names span %x", e.SpanID)
			}
		}
	}
	if n != 1 {
		t.Errorf("%d exemplars, want 1", n)
	}
}

func TestPeersAreOnNoMetric(t *testing.T) {
	l := newLab(t)
	openAll(t, l)
	s := collect(t, l.cumulative)
	for _, m := range s.Metrics {
		for _, set := range s.sets(m.Name) {
			for _, kv := range set.ToSlice() {
				if strings.HasPrefix(string(kv.Key), "network.peer") || strings.HasPrefix(string(kv.Key), "network.local") || strings.HasPrefix(string(kv.Key), "client.") || kv.Key == "netstats.connection.id" {
					t.Errorf("%s has %s", m.Name, kv.Key)
				}
			}
		}
	}
}

func TestDialDurationIsThatOfTheDial(t *testing.T) {
	l := newLab(t)
	started := time.Now()
	dial(t, &otelnetstats.Dialer{Tracker: l.Tracker, Base: stubDialer}, "tcp", "h:1").Close()
	for _, m := range []string{"netstats.dial.duration", "netstats.client.connection.duration"} {
		points := collect(t, l.cumulative).histogram(m)
		if len(points) != 1 || points[0].Sum < 0 || points[0].Sum > time.Since(started).Seconds() {
			t.Errorf("%s: %+v", m, points)
		}
	}
}
