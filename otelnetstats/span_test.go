package otelnetstats_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/netstats-go/netstats/otelnetstats"
)

// addrAttributes are those of an address, with the given names.
func addrAttributes(address, port attribute.Key, addr net.Addr) []attribute.KeyValue {
	a := addr.(*net.TCPAddr)
	return []attribute.KeyValue{address.String(a.IP.String()), port.Int(a.Port)}
}

// started remembers the attributes that a sampler sees.
type started struct {
	sdktrace.Sampler
	mu    sync.Mutex
	attrs map[string]attrs
	links map[string][]trace.Link
}

func (s *started) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	s.mu.Lock()
	defer s.mu.Unlock()
	kind, _, _ := strings.Cut(p.Name, " ")
	s.attrs[kind] = attrsOf(p.Attributes)
	s.links[kind] = p.Links
	return s.Sampler.ShouldSample(p)
}

func newStarted() *started {
	return &started{Sampler: sdktrace.AlwaysSample(), attrs: map[string]attrs{}, links: map[string][]trace.Link{}}
}

func TestConnectionSpanOfAClient(t *testing.T) {
	address := serve(t, echo)
	_, port, _ := net.SplitHostPort(address)
	sampler := newStarted()
	l := newSampledLab(t, sampler, otelnetstats.WithSpanAttributes(attribute.String("team", "storage")))
	d := &otelnetstats.Dialer{Tracker: l.Tracker, Name: "pool", Base: &net.Dialer{}}
	ctx, caller := l.span(t.Context(), "caller")
	conn, err := d.DialContext(ctx, "tcp4", "localhost:"+port)
	if err != nil {
		t.Fatal(err)
	}
	caller.End()
	send(t, conn, 5)
	receive(t, conn, 5)
	record := lookup(t, conn)
	conn.Close()

	span, dialSpan := l.only(t, "connection"), l.only(t, "dial")
	if want := "connection localhost:" + port; span.Name() != want {
		t.Errorf("name %q, want %q", span.Name(), want)
	}
	if span.SpanKind() != trace.SpanKindInternal {
		t.Errorf("kind %v, want internal", span.SpanKind())
	}
	if span.Parent().IsValid() || span.SpanContext().TraceID() == caller.SpanContext().TraceID() {
		t.Error("the span is not the root of a trace of its own")
	}
	if !span.SpanContext().Equal(record.SpanContext()) {
		t.Error("Conn.SpanContext is not the span's")
	}
	if len(span.Links()) != 1 || span.Links()[0].SpanContext.SpanID() != dialSpan.SpanContext().SpanID() {
		t.Errorf("links %v, want one to the dial span", span.Links())
	}
	if len(sampler.links["connection"]) != 1 {
		t.Error("the sampler does not see the link to the dial span")
	}
	if got := span.Status(); got.Code != codes.Unset {
		t.Errorf("status %v, want unset", got)
	}
	portNumber := conn.RemoteAddr().(*net.TCPAddr).Port
	atStart := append([]attribute.KeyValue{
		attribute.String("network.transport", "tcp"), attribute.String("network.type", "ipv4"),
		attribute.String("server.address", "localhost"), attribute.Int("server.port", portNumber),
		attribute.String("netstats.dialer.name", "pool"), attribute.String("team", "storage"),
		attribute.Int64("netstats.connection.id", int64(record.ID())), attribute.String("netstats.connection.role", "client"),
		absent("client.address"), absent("client.port"),
	}, addrAttributes("network.peer.address", "network.peer.port", conn.RemoteAddr())...)
	sampler.attrs["connection"].want(t, "at start", atStart...)
	atStart = append(atStart, addrAttributes("network.local.address", "network.local.port", conn.LocalAddr())...)
	end := attrsOf(span.Attributes())
	end.want(t, "at end", atStart...)
	end.want(t, "at end",
		attribute.Int("netstats.receive.size", 5), attribute.Int("netstats.transmit.size", 5),
		attribute.Int("netstats.receive.operations", 1), attribute.Int("netstats.transmit.operations", 1),
		attribute.String("netstats.connection.close.reason", "local"), absent("error.type"),
		absent("netstats.events.suppressed"), absent("netstats.receive.suppressed.size"), absent("netstats.transmit.suppressed.size"))
	want := 17
	if runtime.GOOS == "linux" {
		want += 2
		if rtt := end["netstats.tcp.rtt"].AsFloat64(); rtt <= 0 || rtt > 60 {
			t.Errorf("netstats.tcp.rtt = %v s", rtt)
		}
		end.want(t, "at end", attribute.Int("netstats.tcp.retransmits", 0))
	}
	if len(end) != want {
		t.Errorf("%d attributes, want %d: %v", len(end), want, end)
	}
	last := span.Events()[len(span.Events())-1]
	attrsOf(last.Attributes).want(t, "close event", attribute.String("netstats.connection.close.reason", "local"), absent("error.type"))
	if len(span.Events()[0].Attributes) != 0 {
		t.Errorf("open event has attributes %v, want none", span.Events()[0].Attributes)
	}
}

func TestConnectionSpanOfAServer(t *testing.T) {
	l := newLab(t)
	ln := l.Listener(listen(t, "tcp", "127.0.0.1:0"))
	client := dial(t, new(net.Dialer), "tcp", ln.Addr().String())
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	record := lookup(t, conn)
	if record.Role() != "server" || record.Network() != "tcp" || record.Address() != ln.Addr().String() {
		t.Errorf("record: role %q, network %q, address %q", record.Role(), record.Network(), record.Address())
	}
	conn.Close()
	span := l.only(t, "connection")
	if want := "connection " + ln.Addr().String(); span.Name() != want {
		t.Errorf("name %q, want %q", span.Name(), want)
	}
	if span.Parent().IsValid() || len(span.Links()) != 0 {
		t.Errorf("parent %v, links %v; want neither", span.Parent(), span.Links())
	}
	got := attrsOf(span.Attributes())
	got.want(t, "span", attribute.String("netstats.connection.role", "server"), attribute.String("network.transport", "tcp"), attribute.String("network.type", "ipv4"))
	got.want(t, "span", addrAttributes("server.address", "server.port", ln.Addr())...)
	got.want(t, "span", addrAttributes("client.address", "client.port", client.LocalAddr())...)
	got.want(t, "span", addrAttributes("network.peer.address", "network.peer.port", client.LocalAddr())...)
}

func TestConnectionSpanOfOtherNetworks(t *testing.T) {
	path := t.TempDir() + "/s"
	serveOn(t, listen(t, "unix", path), wait)
	near, far := net.Pipe()
	defer far.Close()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	port := udp.LocalAddr().(*net.UDPAddr).Port
	for _, test := range []struct {
		name string
		open func(l *lab) otelnetstats.Endpoint
		span string
		want []attribute.KeyValue
	}{
		{
			"unix", func(l *lab) otelnetstats.Endpoint {
				return dial(t, &otelnetstats.Dialer{Tracker: l.Tracker}, "unix", path)
			},
			"connection " + path,
			[]attribute.KeyValue{
				attribute.String("network.transport", "unix"), absent("network.type"),
				attribute.String("server.address", path), absent("server.port"), attribute.String("network.peer.address", path), absent("network.peer.port"),
			},
		},
		{
			"registered unix",
			func(l *lab) otelnetstats.Endpoint {
				return l.Register(t.Context(), dial(t, new(net.Dialer), "unix", path))
			},
			"connection " + path,
			[]attribute.KeyValue{attribute.String("network.transport", "unix"), attribute.String("server.address", path), attribute.String("netstats.connection.role", "client")},
		},
		{
			"pipe", func(l *lab) otelnetstats.Endpoint { return l.Register(t.Context(), near) },
			"connection pipe",
			[]attribute.KeyValue{attribute.String("network.transport", "pipe"), absent("network.type"), absent("server.port"), absent("network.peer.port")},
		},
		{
			"udp", func(l *lab) otelnetstats.Endpoint {
				return dial(t, &otelnetstats.Dialer{Tracker: l.Tracker}, "udp", udp.LocalAddr().String())
			},
			"connection " + udp.LocalAddr().String(),
			[]attribute.KeyValue{
				attribute.String("network.transport", "udp"), attribute.String("network.type", "ipv4"), attribute.String("netstats.connection.role", "client"),
				attribute.String("server.address", "127.0.0.1"), attribute.Int("server.port", port), attribute.String("network.peer.address", "127.0.0.1"), attribute.Int("network.peer.port", port),
			},
		},
		{
			"bound udp", func(l *lab) otelnetstats.Endpoint { return l.RegisterPacketConn(t.Context(), udp) },
			"connection " + udp.LocalAddr().String(),
			[]attribute.KeyValue{
				attribute.String("network.transport", "udp"), attribute.String("network.type", "ipv4"), attribute.String("netstats.connection.role", "server"),
				attribute.String("server.address", "127.0.0.1"), attribute.Int("server.port", port), absent("network.peer.address"), absent("client.address"),
			},
		},
		{
			"tcp6", func(l *lab) otelnetstats.Endpoint {
				ln, err := net.Listen("tcp6", "[::1]:0")
				if err != nil {
					return l.Register(t.Context(), &stub{remote: &net.TCPAddr{IP: net.IPv6loopback, Port: 80}})
				}
				serveOn(t, ln, wait)
				return dial(t, &otelnetstats.Dialer{Tracker: l.Tracker}, "tcp6", ln.Addr().String())
			},
			"connection [::1]:",
			[]attribute.KeyValue{
				attribute.String("network.transport", "tcp"), attribute.String("network.type", "ipv6"),
				attribute.String("server.address", "::1"), attribute.String("network.peer.address", "::1"),
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLab(t)
			test.open(l).Close()
			attrsOf(l.only(t, test.span).Attributes()).want(t, "span", test.want...)
		})
	}
}

// An ending is how a connection comes to its end.
type ending struct {
	name   string
	reason otelnetstats.CloseReason
	typ    string // error.type; empty if the connection did not fail
	// end makes conn, to a server that handle serves, end.
	handle func(c net.Conn)
	end    func(t *testing.T, l *lab, conn net.Conn)
}

// reset has the peer get a reset, in answer to a byte.
func reset(c net.Conn) {
	_, _ = c.Read(make([]byte, 1))
	_ = c.(*net.TCPConn).SetLinger(0)
	c.Close()
}

func readToEnd(t *testing.T, conn net.Conn) error {
	t.Helper()
	_, err := io.Copy(io.Discard, struct{ io.Reader }{conn})
	return err
}

var endings = []ending{
	{"local", otelnetstats.ClosedLocal, "", wait, func(*testing.T, *lab, net.Conn) {}},
	{"local with a read waiting", otelnetstats.ClosedLocal, "", wait, func(t *testing.T, _ *lab, conn net.Conn) {
		done := make(chan error)
		go func() {
			_, err := conn.Read(make([]byte, 1))
			done <- err
		}()
		conn.Close()
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Read: %v, want net.ErrClosed", err)
		}
	}},
	{"local after half-close", otelnetstats.ClosedLocal, "", wait, func(t *testing.T, _ *lab, conn net.Conn) {
		if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Error(err)
		}
	}},
	{"remote", otelnetstats.ClosedRemote, "", func(net.Conn) {}, func(t *testing.T, _ *lab, conn net.Conn) {
		if err := readToEnd(t, conn); err != nil {
			t.Error(err)
		}
	}},
	{"remote after half-close", otelnetstats.ClosedRemote, "", wait, func(t *testing.T, _ *lab, conn net.Conn) {
		if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Error(err)
		}
		if err := readToEnd(t, conn); err != nil {
			t.Error(err)
		}
	}},
	{"remote by io.Copy", otelnetstats.ClosedRemote, "", func(net.Conn) {}, func(t *testing.T, _ *lab, conn net.Conn) {
		if _, err := io.Copy(io.Discard, conn); err != nil {
			t.Error(err)
		}
	}},
	{"reset", otelnetstats.ClosedReset, "connection_reset", reset, func(t *testing.T, _ *lab, conn net.Conn) {
		send(t, conn, 1)
		if err := readToEnd(t, conn); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("read: %v, want ECONNRESET", err)
		}
	}},
	{"timeout", otelnetstats.ClosedTimeout, "timeout", wait, func(t *testing.T, _ *lab, conn net.Conn) {
		if err := conn.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read: %v, want a timeout", err)
		}
	}},
	{"a timeout that was survived", otelnetstats.ClosedLocal, "", echo, func(t *testing.T, _ *lab, conn net.Conn) {
		if err := conn.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read: %v, want a timeout", err)
		}
		if err := conn.SetReadDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		send(t, conn, 1)
		receive(t, conn, 1)
	}},
	{"shutdown", otelnetstats.ClosedShutdown, "", wait, func(t *testing.T, l *lab, _ net.Conn) {
		if err := l.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}},
}

func TestCloseReasons(t *testing.T) {
	for _, test := range endings {
		t.Run(test.name, func(t *testing.T) {
			l := newLab(t)
			conn := dial(t, &otelnetstats.Dialer{Tracker: l.Tracker}, "tcp", serve(t, test.handle))
			test.end(t, l, conn)
			conn.Close()
			if got := lookup(t, conn).CloseReason(); got != test.reason {
				t.Errorf("CloseReason() = %q, want %q", got, test.reason)
			}
			checkEnding(t, l, test)
		})
	}
}

func checkEnding(t *testing.T, l *lab, want ending) {
	t.Helper()
	span := l.only(t, "connection")
	failed := want.typ != ""
	attributes := []attribute.KeyValue{attribute.String("netstats.connection.close.reason", string(want.reason)), absent("error.type")}
	code := codes.Unset
	if failed {
		attributes[1] = attribute.String("error.type", want.typ)
		code = codes.Error
	}
	attrsOf(span.Attributes()).want(t, "span", attributes...)
	events := span.Events()
	attrsOf(events[len(events)-1].Attributes).want(t, "close event", attributes...)
	if got := span.Status(); got.Code != code || failed == (got.Description == "") {
		t.Errorf("status %v, want %v, described if failed", got, code)
	}
	for _, e := range events {
		if e.Name == "exception" {
			t.Error("an error was recorded as an exception event")
		}
	}
	if want.reason == otelnetstats.ClosedShutdown {
		return // the metric callback has ended
	}
	if got := collect(t, l.cumulative).count("netstats.client.connection.duration", attributes[1]); got != 1 {
		t.Errorf("connection.duration has %d recordings with %v, want 1", got, attributes[1])
	}
}

func TestCloseReasonOfOtherErrors(t *testing.T) {
	l := newLab(t)
	conn := l.Register(t.Context(), &stub{read: func([]byte) (int, error) { return 0, syscall.EHOSTUNREACH }})
	if _, err := conn.Read(make([]byte, 1)); err != syscall.EHOSTUNREACH { //nolint:errorlint // the very error
		t.Errorf("Read: %v", err)
	}
	conn.Close()
	checkEnding(t, l, ending{reason: otelnetstats.ClosedError, typ: "host_unreachable"})
}

func TestCloseReasonOfABrokenPipe(t *testing.T) {
	l := newLab(t)
	conn := l.Register(t.Context(), &stub{write: func([]byte) (int, error) {
		return 0, &net.OpError{Op: "write", Err: os.NewSyscallError("write", syscall.EPIPE)}
	}})
	if _, err := conn.Write([]byte{1}); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("Write: %v", err)
	}
	conn.Close()
	checkEnding(t, l, ending{reason: otelnetstats.ClosedReset, typ: "broken_pipe"})
}

// TestADroppedConnectionEndsAsLeaked drops a connection and waits for the
// garbage collector.
func TestADroppedConnectionEndsAsLeaked(t *testing.T) {
	for name, open := range map[string]func(l *lab) *otelnetstats.Conn{
		"tcp": func(l *lab) *otelnetstats.Conn {
			ln := listen(t, "tcp", "127.0.0.1:0")
			serveOn(t, ln, wait)
			conn, err := (&otelnetstats.Dialer{Tracker: l.Tracker}).DialContext(t.Context(), "tcp", ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			send(t, conn, 7)
			return lookup(t, conn)
		},
		"other": func(l *lab) *otelnetstats.Conn {
			conn := l.Register(t.Context(), &stub{})
			send(t, conn, 7)
			return lookup(t, conn)
		},
	} {
		t.Run(name, func(t *testing.T) {
			closed := make(chan otelnetstats.CloseReason, 8)
			l := newLab(t, otelnetstats.WithCallback(&onClose{f: func(_ context.Context, c *otelnetstats.Conn) { closed <- c.CloseReason() }}))
			record := open(l)
			var reason otelnetstats.CloseReason
			for reason == "" {
				runtime.GC()
				select {
				case reason = <-closed:
				case <-time.After(time.Millisecond):
				}
			}
			if reason != otelnetstats.ClosedLeaked || record.CloseReason() != reason {
				t.Errorf("reason %q, record says %q; want leaked", reason, record.CloseReason())
			}
			if got := record.Stats().Sent.Bytes; got != 7 {
				t.Errorf("sent %d, want 7", got)
			}
			for len(l.ended("connection")) == 0 {
				runtime.Gosched() // the span ends after the callback
			}
			attrsOf(l.only(t, "connection").Attributes()).want(t, "span", attribute.String("netstats.connection.close.reason", "leaked"), attribute.Int("netstats.transmit.size", 7))
			if got := collect(t, l.cumulative).sum("netstats.client.connection.count"); got != 0 {
				t.Errorf("connection.count = %d, want 0", got)
			}
		})
	}
}

type onClose struct {
	otelnetstats.NopCallback
	f func(context.Context, *otelnetstats.Conn)
}

func (o *onClose) Close(ctx context.Context, c *otelnetstats.Conn) { o.f(ctx, c) }

// TestAHeldConnectionIsNotLeaked reads in a blocked call, the wrapper being
// referred to by nothing else.
func TestAHeldConnectionIsNotLeaked(t *testing.T) {
	release := make(chan struct{})
	address := serve(t, func(c net.Conn) {
		<-release
		_, _ = c.Write([]byte{1})
	})
	l := newLab(t)
	conn, err := (&otelnetstats.Dialer{Tracker: l.Tracker}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	record := lookup(t, conn)
	done := make(chan error)
	go func() {
		_, err := conn.Read(make([]byte, 1))
		done <- err
		conn.Close()
		done <- nil
	}()
	for range 5 {
		runtime.GC()
	}
	if got := record.CloseReason(); got != "" {
		t.Errorf("a connection with a blocked Read ended: %q", got)
	}
	close(release)
	if err := <-done; err != nil {
		t.Errorf("Read: %v", err)
	}
	<-done
}

func TestConnectionSpanAsChild(t *testing.T) {
	address := serve(t, wait)
	l := newLab(t, otelnetstats.WithConnectionSpan(otelnetstats.ConnectionSpanChild))
	ctx, caller := l.span(t.Context(), "caller")
	conn, err := (&otelnetstats.Dialer{Tracker: l.Tracker}).DialContext(ctx, "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if got, want := l.only(t, "connection").Parent().SpanID(), l.only(t, "dial").SpanContext().SpanID(); got != want {
		t.Error("a dialed connection's span is not the dial span's child")
	}
	l.spans.Reset()
	l.Register(ctx, &stub{}).Close()
	if got := l.only(t, "connection").Parent().SpanID(); got != caller.SpanContext().SpanID() {
		t.Error("a registered connection's span is not the child of the span in ctx")
	}
	caller.End()
}

func TestNoConnectionSpan(t *testing.T) {
	address := serve(t, wait)
	cb := new(tape)
	l := newLab(t, otelnetstats.WithConnectionSpan(otelnetstats.ConnectionSpanOff), otelnetstats.WithCallback(cb))
	ctx, caller := l.span(t.Context(), "caller")
	conn, err := (&otelnetstats.Dialer{Tracker: l.Tracker}).DialContext(ctx, "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	send(t, conn, 4)
	if lap, ok := otelnetstats.Mark(ctx, conn, "m"); !ok || lap.Sent != 4 {
		t.Errorf("Mark: %+v, %v", lap, ok)
	}
	if lookup(t, conn).SpanContext().IsValid() {
		t.Error("the connection has a span")
	}
	conn.Close()
	caller.End()
	if got := len(l.ended("connection")); got != 0 {
		t.Errorf("%d connection spans", got)
	}
	if links := l.only(t, "dial").Links(); len(links) != 0 {
		t.Errorf("the dial span has links that lead nowhere: %v", links)
	}
	if links := l.only(t, "caller").Links(); len(links) != 0 {
		t.Errorf("the caller's span has links that lead nowhere: %v", links)
	}
	cb.want(t, "open", "write 4", "mark m", "close local 0 4")
	if got := collect(t, l.cumulative).sum("netstats.client.io"); got != 4 {
		t.Errorf("io = %d, want 4", got)
	}
}

func TestUnsampledConnections(t *testing.T) {
	address := serve(t, echo)
	cb := new(tape)
	l := newSampledLab(t, sdktrace.NeverSample(), otelnetstats.WithCallback(cb))
	conn := dial(t, &otelnetstats.Dialer{Tracker: l.Tracker}, "tcp", address)
	send(t, conn, 4)
	receive(t, conn, 4)
	mark(t, conn, "m")
	conn.Close()
	if got := len(l.spans.Ended()); got != 0 {
		t.Errorf("%d spans were recorded", got)
	}
	cb.want(t, "open", "write 4", "read 4", "mark m", "close local 4 4")
	if got := collect(t, l.cumulative).sum("netstats.client.io"); got != 8 {
		t.Errorf("io = %d, want 8", got)
	}
}

// TestLinksLeadToSampledSpansOnly has the two spans sampled independently.
func TestLinksLeadToSampledSpansOnly(t *testing.T) {
	address := serve(t, wait)
	for _, sampled := range []string{"dial", "connection"} {
		t.Run("only the "+sampled+" span", func(t *testing.T) {
			l := newSampledLab(t, byName{sampled})
			dial(t, &otelnetstats.Dialer{Tracker: l.Tracker}, "tcp", address).Close()
			if links := l.only(t, sampled).Links(); len(links) != 0 {
				t.Errorf("the %s span has links that lead nowhere: %v", sampled, links)
			}
		})
	}
}

// TestConnectionsOfUnsampledDials are linked to the span that dialed.
func TestConnectionsOfUnsampledDials(t *testing.T) {
	l := newSampledLab(t, exceptByName{"dial", sdktrace.Drop})
	ctx, caller := l.span(t.Context(), "caller")
	conn, err := (&otelnetstats.Dialer{Tracker: l.Tracker}).DialContext(ctx, "tcp", serve(t, wait))
	must(t, err)
	caller.End()
	must(t, conn.Close())
	if n := linked(l.only(t, "connection").Links(), caller.SpanContext()); n != 1 {
		t.Errorf("the connection has %d links to the caller's span, want 1", n)
	}
}

// TestConnectionsOfUnsampledCallers are linked to nothing.
func TestConnectionsOfUnsampledCallers(t *testing.T) {
	l := newSampledLab(t, exceptByName{"caller", sdktrace.Drop})
	ctx, caller := l.span(t.Context(), "caller")
	l.Register(ctx, &stub{}).Close()
	caller.End()
	if links := l.only(t, "connection").Links(); len(links) != 0 {
		t.Errorf("the connection has links that lead nowhere: %v", links)
	}
}

// TestNothingIsLeftOutWhereNothingIsWanted: without events none are suppressed.
func TestNothingIsLeftOutWhereNothingIsWanted(t *testing.T) {
	l := newLab(t, otelnetstats.WithSpanEvents(false))
	conn := l.Register(t.Context(), &stub{})
	for range 100 {
		send(t, conn, 1)
		mark(t, conn, "m")
	}
	conn.Close()
	attrsOf(l.only(t, "connection").Attributes()).want(t, "span", attribute.Int("netstats.transmit.size", 100),
		absent("netstats.events.suppressed"), absent("netstats.marks.suppressed.count"), absent("netstats.marks.suppressed.transmit.size"))
}

// exceptByName samples all spans but those whose name begins so.
type exceptByName struct {
	prefix   string
	decision sdktrace.SamplingDecision // on those
}

func (s exceptByName) Description() string { return "except by name" }
func (s exceptByName) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	if strings.HasPrefix(p.Name, s.prefix) {
		return sdktrace.SamplingResult{Decision: s.decision}
	}
	return sdktrace.SamplingResult{Decision: sdktrace.RecordAndSample}
}

// byName samples spans whose name begins so.
type byName struct{ prefix string }

func (s byName) Description() string { return "by name" }
func (s byName) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	if strings.HasPrefix(p.Name, s.prefix) {
		return sdktrace.SamplingResult{Decision: sdktrace.RecordAndSample}
	}
	return sdktrace.SamplingResult{Decision: sdktrace.Drop}
}

// TestNothingThatIsMovedIsRecorded looks for the payload in all that a span has.
func TestNothingThatIsMovedIsRecorded(t *testing.T) {
	payload := make([]byte, 16)
	if _, err := rand.Read(payload); err != nil {
		t.Fatal(err)
	}
	secret := fmt.Appendf(nil, "%x", payload)
	l := newLab(t)
	conn := dial(t, &otelnetstats.Dialer{Tracker: l.Tracker}, "tcp", serve(t, echo))
	if _, err := conn.Write(secret); err != nil {
		t.Fatal(err)
	}
	receive(t, conn, len(secret))
	mark(t, conn, "m")
	conn.Close()
	span := l.only(t, "connection")
	all := fmt.Sprint(span.Name(), span.Attributes(), span.Events(), span.Links(), span.Status())
	if bytes.Contains([]byte(all), secret) {
		t.Error("the span has what was written")
	}
}

func TestRegisterLinksToTheSpanInContext(t *testing.T) {
	l := newLab(t)
	ctx, caller := l.span(t.Context(), "caller")
	l.Register(ctx, &stub{}).Close()
	caller.End()
	links := l.only(t, "connection").Links()
	if len(links) != 1 || links[0].SpanContext.SpanID() != caller.SpanContext().SpanID() {
		t.Errorf("links %v, want one to the span in ctx", links)
	}
}

// TestTheDialsContextIsNotKept looks whether a value in the dial's context, and
// in that of a mark, can be collected while the connection is open.
func TestContextsAreNotKept(t *testing.T) {
	address := serve(t, wait)
	l := newLab(t, otelnetstats.WithCallback(new(tape)))
	type key struct{}
	gone := make(chan struct{}, 2)
	with := func() context.Context {
		v := new([1 << 16]byte)
		runtime.AddCleanup(v, func(int) { gone <- struct{}{} }, 0)
		return context.WithValue(context.WithoutCancel(t.Context()), key{}, v)
	}
	conn, err := (&otelnetstats.Dialer{Tracker: l.Tracker}).DialContext(with(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	otelnetstats.Mark(with(), conn, "m")
	for n := 0; n < 2; {
		runtime.GC()
		select {
		case <-gone:
			n++
		case <-time.After(time.Millisecond):
		}
	}
	conn.Close()
}

// never samples nothing, at no cost.
type never struct{}

func (never) Description() string { return "never" }
func (never) ShouldSample(sdktrace.SamplingParameters) sdktrace.SamplingResult {
	return sdktrace.SamplingResult{Decision: sdktrace.Drop}
}

func TestSpanAttributesOfTheUserWin(t *testing.T) {
	id := attribute.Int("netstats.connection.id", -1)
	l := newLab(t, otelnetstats.WithSpanAttributes(id))
	dial(t, &otelnetstats.Dialer{Tracker: l.Tracker}, "tcp", serve(t, wait)).Close()
	attrsOf(l.only(t, "connection").Attributes()).want(t, "connection span", id)
	attrsOf(l.only(t, "dial").Attributes()).want(t, "dial span", id)
}
