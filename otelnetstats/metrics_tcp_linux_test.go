package otelnetstats_test

import (
	"io"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"golang.org/x/sys/unix"

	"github.com/netstats-go/netstats/internal/testnet"
	"github.com/netstats-go/netstats/otelnetstats"
)

// TestTCPMetrics are what the kernel says, also of connections that open and close
// between two collections, whether their spans record or not.
func TestTCPMetrics(t *testing.T) {
	for name, sampler := range map[string]sdktrace.Sampler{"recording": sdktrace.AlwaysSample(), "unsampled": sdktrace.NeverSample()} {
		t.Run(name, func(t *testing.T) {
			l := newSampledLab(t, sampler)
			network := testnet.NewLossyNetwork(t, 0.1, 1)
			var want int64
			for range 3 {
				want += retransmit(t, l, network)
			}
			s := collect(t, l.cumulative)
			if got := s.sum("netstats.client.tcp.retransmits"); got != want || want == 0 {
				t.Errorf("%d retransmits, the kernel says %d, of %d packets lost", got, want, network.Lost())
			}
			asked := 3 // a mark asks, too, where a span records
			if name == "recording" {
				asked = 6
			}
			if got := s.count("netstats.client.tcp.rtt"); got != asked {
				t.Errorf("%d round-trip times, want %d", got, asked)
			}
			for _, p := range s.histogram("netstats.client.tcp.rtt") {
				if mean := p.Sum / float64(p.Count); mean <= 0 || mean > 60 || len(p.Bounds) != 1 {
					t.Errorf("round-trip times of %v s, bounds %v", mean, p.Bounds)
				}
			}
		})
	}
}

// retransmit has a connection send what gets lost again, and returns how often.
func retransmit(t *testing.T, l *lab, network *testnet.LossyNetwork) int64 {
	t.Helper()
	plain, server := network.TCPPair(t)
	conn := l.Register(t.Context(), plain)
	read := make(chan error)
	go func() {
		_, err := io.CopyN(io.Discard, server, 1<<18)
		read <- err
	}()
	send(t, conn, 1<<18)
	must(t, <-read)
	otelnetstats.Mark(t.Context(), conn, "sent")
	var info *unix.TCPInfo
	raw, err := plain.SyscallConn()
	must(t, err)
	until(t, "all is acknowledged", func() bool {
		left := 0
		must(t, raw.Control(func(fd uintptr) { left, _ = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) }))
		return left == 0
	})
	var question error
	must(t, raw.Control(func(fd uintptr) {
		info, question = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	}))
	must(t, question)
	must(t, conn.Close())
	return int64(info.Total_retrans)
}
