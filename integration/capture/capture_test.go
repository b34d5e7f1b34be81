package capture

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/netstats-go/netstats/otelnetstats"
)

// listen returns a listener whose connections nobody captures by accident: they
// are accepted, which a capture leaves alone.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

// dial opens a connection, and returns both ends.
func dial(t *testing.T, ctx context.Context, d otelnetstats.ContextDialer, l net.Listener) (near, far net.Conn) {
	t.Helper()
	near, err := d.DialContext(ctx, "tcp", l.Addr().String())
	must(t, err)
	far, err = l.Accept()
	must(t, err)
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

func TestASecondCaptureIsAnError(t *testing.T) {
	l := newLab(t)
	if _, err := l.tracker.Capture(); !errors.Is(err, otelnetstats.ErrCapturing) {
		t.Errorf("a second Capture: %v, want ErrCapturing", err)
	}
	l.capture.Release()
	again, err := l.tracker.Capture()
	must(t, err)
	again.Release()
}

func TestReleaseReturnsOpenAndClosed(t *testing.T) {
	l := newLab(t)
	ln := listen(t)
	closed, _ := dial(t, t.Context(), new(net.Dialer), ln)
	closed.Close()
	open, far := dial(t, t.Context(), new(net.Dialer), ln)
	conns := l.capture.Release()
	if len(conns) != 2 || conns[0].CloseReason() != otelnetstats.ClosedLocal || conns[1].CloseReason() != "" {
		t.Fatalf("Release returned %d connections", len(conns))
	}
	if again := l.capture.Release(); len(again) != 2 {
		t.Errorf("a second Release returned %d connections, want the same 2", len(again))
	}
	_, err := far.Write([]byte("late"))
	must(t, err)
	_, err = io.ReadFull(open, make([]byte, 4))
	must(t, err)
	if got := conns[1].Stats().Received.Bytes; got != 4 {
		t.Errorf("%d bytes counted after Release, want 4", got)
	}
	if late, _ := dial(t, t.Context(), new(net.Dialer), ln); tracked(late) {
		t.Error("a connection opened after Release is tracked")
	}
}

func tracked(c net.Conn) bool {
	_, ok := otelnetstats.Lookup(c)
	return ok
}

func TestClosedConnectionsAreBounded(t *testing.T) {
	l := newLab(t)
	ln := listen(t)
	const n = 1030
	for range n {
		near, far := dial(t, t.Context(), new(net.Dialer), ln)
		near.Close()
		far.Close()
	}
	if got := len(l.capture.Release()); got != 1024 || l.capture.Dropped() != n-1024 {
		t.Errorf("%d connections and %d dropped, want 1024 and %d", got, l.capture.Dropped(), n-1024)
	}
}

func TestADialersConnectionCountsOnceForItsTracker(t *testing.T) {
	l := newLab(t)
	own, err := otelnetstats.New()
	must(t, err)
	near, far := dial(t, t.Context(), &otelnetstats.Dialer{Tracker: own}, listen(t))
	if _, ok := near.(*net.TCPConn); !ok {
		t.Errorf("the Dialer returned a %T, want the plain connection", near)
	}
	_, err = near.Write([]byte("hello"))
	must(t, err)
	_, err = io.ReadFull(far, make([]byte, 5))
	must(t, err)
	if s, ok := otelnetstats.StatsOf(near); !ok || s.Sent.Bytes != 5 {
		t.Errorf("StatsOf: %v, %v", s, ok)
	}
	for range l.tracker.Conns() {
		t.Error("the capturing Tracker has the connection, too")
	}
	n := 0
	for range own.Conns() {
		n++
	}
	if n != 1 {
		t.Errorf("the Dialer's Tracker has %d connections, want 1", n)
	}
}

func TestWhatIsLeftAlone(t *testing.T) {
	l := newLab(t)
	ln := listen(t)
	near, far := dial(t, otelnetstats.ContextWithoutTracking(t.Context()), new(net.Dialer), ln)
	if tracked(near) {
		t.Error("a dial without tracking is tracked")
	}
	if tracked(far) {
		t.Error("an accepted connection is tracked, which was not asked for")
	}
	if got := len(l.capture.Release()); got != 0 {
		t.Errorf("%d connections captured, want 0", got)
	}
}

// TestExportersAreLeftAlone names an endpoint as OTLP exporters have it named.
func TestExportersAreLeftAlone(t *testing.T) {
	ln := listen(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+ln.Addr().String())
	newLab(t)
	if near, _ := dial(t, t.Context(), new(net.Dialer), ln); tracked(near) {
		t.Error("a connection to the exporters' endpoint is tracked")
	}
	if near, _ := dial(t, t.Context(), new(net.Dialer), listen(t)); !tracked(near) {
		t.Error("a connection to another server is not")
	}
}

func TestAcceptedConnectionsOnRequest(t *testing.T) {
	l := newLab(t, otelnetstats.WithAccepted())
	near, far := dial(t, otelnetstats.ContextWithoutTracking(t.Context()), new(net.Dialer), listen(t))
	c, ok := otelnetstats.Lookup(far)
	if !ok || c.Role() != "server" {
		t.Fatalf("the accepted connection: %v, %v", c.Role(), ok)
	}
	_, err := near.Write([]byte("hello"))
	must(t, err)
	_, err = io.ReadFull(far, make([]byte, 5))
	must(t, err)
	near.Close()
	if n, err := far.Read(make([]byte, 1)); n != 0 || err != io.EOF { //nolint:errorlint // as io.Reader says
		t.Fatalf("Read: %d, %v", n, err)
	}
	far.Close()
	if s := c.Stats(); s.Received.Bytes != 5 || c.CloseReason() != otelnetstats.ClosedRemote {
		t.Errorf("received %d, closed %q; want 5, remote", s.Received.Bytes, c.CloseReason())
	}
	if sums := l.sums(t); sums["netstats.server.io receive"] != 5 || sums["netstats.server.connection.accepted "] != 1 {
		t.Errorf("metrics: %v, want 5 bytes received and 1 connection accepted", sums)
	}
}

// TestAcceptedConnectionsOfATrackedListener are counted as accepted once by each
// Tracker that was to count them, whether or not the capture has them as well.
func TestAcceptedConnectionsOfATrackedListener(t *testing.T) {
	for name, opts := range map[string][]otelnetstats.Option{
		"captured":     {otelnetstats.WithAccepted()},
		"not captured": nil,
	} {
		t.Run(name, func(t *testing.T) {
			l, other := newLab(t, opts...), newLabWithout(t)
			plain := listen(t)
			for ln, tracker := range map[net.Listener]*lab{l.tracker.Listener(plain): l, other.tracker.Listener(plain): other} {
				before := tracker.sums(t)["netstats.server.connection.accepted "]
				near, far := dial(t, otelnetstats.ContextWithoutTracking(t.Context()), new(net.Dialer), ln)
				near.Close()
				far.Close()
				if n := tracker.sums(t)["netstats.server.connection.accepted "] - before; n != 1 {
					t.Errorf("%d connections accepted, want 1", n)
				}
			}
		})
	}
}

// TestSocketsBoundToAnyPort are known by the port that they got.
func TestSocketsBoundToAnyPort(t *testing.T) {
	l := newLab(t)
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	defer conn.Close()
	c, ok := otelnetstats.Lookup(conn)
	if want := conn.LocalAddr().String(); !ok || c.Address() != want {
		t.Errorf("known as %q, want %q", c.Address(), want)
	}
	if port := conn.LocalAddr().(*net.UDPAddr).Port; l.ports(t, "netstats.server.connection.count")[int64(port)] != 1 {
		t.Errorf("metrics have the ports %v, want %d", l.ports(t, "netstats.server.connection.count"), port)
	}
}

// TestCaptureAmidShutdown leaves no hooks of a Tracker that is shut down.
func TestCaptureAmidShutdown(t *testing.T) {
	newLab(t).capture.Release()
	for range 300 {
		tracker, err := otelnetstats.New()
		must(t, err)
		shut := make(chan error)
		go func() { shut <- tracker.Shutdown(context.WithoutCancel(t.Context())) }()
		_, _ = tracker.Capture() // an error is as good
		must(t, <-shut)
		other, err := otelnetstats.New()
		must(t, err)
		capture, err := other.Capture()
		must(t, err)
		capture.Release()
	}
}

// TestShutdownReleasesTheCapture, so that another Tracker can capture.
func TestShutdownReleasesTheCapture(t *testing.T) {
	l := newLab(t)
	near, _ := dial(t, t.Context(), new(net.Dialer), listen(t))
	must(t, l.tracker.Shutdown(t.Context()))
	if c, ok := otelnetstats.Lookup(near); !ok || c.CloseReason() != otelnetstats.ClosedShutdown {
		t.Errorf("the captured connection: tracked %v, ended %q, want by shutdown", ok, c.CloseReason())
	}
	newLab(t)
	if conns := l.capture.Release(); len(conns) != 1 {
		t.Errorf("Release returned %d connections, want 1", len(conns))
	}
}

func TestMarksAndResetsOnPlainConnections(t *testing.T) {
	newLab(t)
	near, far := dial(t, t.Context(), new(net.Dialer), listen(t))
	buffers := net.Buffers{[]byte("abc"), []byte("de")} // writev
	_, err := buffers.WriteTo(near)
	must(t, err)
	_, err = io.ReadFull(far, make([]byte, 5))
	must(t, err)
	if lap, ok := otelnetstats.Mark(t.Context(), near, "sent"); !ok || lap.Sent != 5 {
		t.Errorf("Mark: %+v, %v", lap, ok)
	}
	if s, ok := otelnetstats.Reset(near); !ok || s.Sent.Bytes != 5 || len(s.Marks) != 1 {
		t.Errorf("Reset: %+v, %v", s, ok)
	}
	if s, _ := otelnetstats.StatsOf(near); s.Sent.Bytes != 0 {
		t.Errorf("after Reset: %+v", s)
	}
}

// TestSetupOfCapturedConnections: the steps of a dial are known when it has
// returned, whoever dialed.
func TestSetupOfCapturedConnections(t *testing.T) {
	newLab(t)
	ln := listen(t)
	_, port, err := net.SplitHostPort(ln.Addr().String())
	must(t, err)
	for host, lookups := range map[string]int{"127.0.0.1": 0, "localhost": 1} {
		near, err := net.Dial("tcp", net.JoinHostPort(host, port))
		must(t, err)
		t.Cleanup(func() { near.Close() })
		c, _ := otelnetstats.Lookup(near)
		s := c.Setup()
		if s.Total <= 0 || len(s.Lookups) != lookups || len(s.Connects) == 0 {
			t.Fatalf("%s: %+v", host, s)
		}
		if last := s.Connects[len(s.Connects)-1]; last.Address != ln.Addr().String() || last.Duration <= 0 || last.Err != nil {
			t.Errorf("%s: connected by %+v", host, last)
		}
	}
}
