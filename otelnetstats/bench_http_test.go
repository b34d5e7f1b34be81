package otelnetstats_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/netstats-go/netstats/internal/testnet/compare"
	"github.com/netstats-go/netstats/otelnetstats"
)

// answerAll answers each request of a connection with few bytes, and allocates
// nothing for it.
func answerAll(c net.Conn) {
	r := bufio.NewReader(c)
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return
		}
		if len(line) > 2 {
			continue
		}
		if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"); err != nil {
			return
		}
	}
}

// fetch makes a request and reads the response.
func fetch(t testing.TB, rt http.RoundTripper, q *http.Request) {
	resp, err := rt.RoundTrip(q)
	if err != nil {
		t.Error(err)
		return
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}

func requestTo(t testing.TB, url string) *http.Request {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	must(t, err)
	return q
}

// TestRequestsAllocateLittle: what a request over a pooled connection allocates beside
// what the plain transport does.
func TestRequestsAllocateLittle(t *testing.T) {
	if raced {
		t.Skip("the race detector allocates")
	}
	url := "http://" + serve(t, answerAll)
	for name, test := range map[string]struct {
		sampler sdktrace.Sampler
		limit   float64
	}{
		"unsampled": {sdktrace.NeverSample(), 8},
		"recording": {sdktrace.AlwaysSample(), 8},
	} {
		t.Run(name, func(t *testing.T) {
			plain := &http.Transport{}
			defer plain.CloseIdleConnections()
			tr := benchTracker(t, test.sampler).Transport(plain)
			defer tr.CloseIdleConnections()
			q := requestTo(t, url)
			count := func(rt http.RoundTripper) float64 {
				for range 20 {
					fetch(t, rt, q)
				}
				return testing.AllocsPerRun(300, func() { fetch(t, rt, q) })
			}
			own, base := count(tr), count(plain)
			t.Logf("%v allocations, of which %v are the plain transport's", own, base)
			if own-base > test.limit {
				t.Errorf("%v allocations beside the plain transport's %v, want at most %v", own-base, base, test.limit)
			}
		})
	}
}

// BenchmarkRequest is one over a pooled connection, to a server that costs little. The
// connection of “dial” is tracked by WrapDial alone.
func BenchmarkRequest(b *testing.B) {
	url := "http://" + serve(b, answerAll)
	plain := &http.Transport{}
	variants := []compare.Variant{askBy(b, "plain", plain, url)}
	for _, t := range tracked(b)[:2] {
		dial := &http.Transport{DialContext: t.WrapDial(nil)}
		variants = append(variants, askBy(b, t.name+"/dial", dial, url), askBy(b, t.name+"/transport", t.Transport(plain), url))
	}
	variants = append(variants, askBy(b, "unsampled/marks", benchTracker(b, sdktrace.NeverSample()).Transport(plain, otelnetstats.WithRequestMarks()), url))
	compare.Run(b, 100, variants)
}

func askBy(b *testing.B, name string, rt interface {
	http.RoundTripper
	CloseIdleConnections()
}, url string,
) compare.Variant {
	b.Cleanup(rt.CloseIdleConnections)
	q := requestTo(b, url)
	return compare.Variant{Name: name, Do: func(n int) {
		for range n {
			fetch(b, rt, q)
		}
	}}
}
