package connstat_test

import (
	"fmt"
	"testing"

	"github.com/netstats-go/netstats/internal/connstat"
)

// BenchmarkOpenSet is what a connection costs the set, beside many others.
func BenchmarkOpenSet(b *testing.B) {
	for _, others := range []int{0, 100_000} {
		b.Run(fmt.Sprintf("others=%d", others), func(b *testing.B) {
			var g group
			for range others {
				g.open(connstat.Config{})
			}
			l := g.prepare(connstat.Config{})
			b.ReportAllocs()
			for b.Loop() {
				g.set.Add(&l.Record)
				g.set.Remove(&l.Record)
			}
		})
	}
}

// BenchmarkFold folds connections that each moved something since the last fold.
func BenchmarkFold(b *testing.B) {
	for _, busy := range []int{100, 10_000, 100_000} {
		b.Run(fmt.Sprintf("busy=%d", busy), func(b *testing.B) {
			var g group
			lives := make([]*life, busy)
			for i := range lives {
				lives[i] = g.open(connstat.Config{})
			}
			for b.Loop() {
				b.StopTimer()
				for _, l := range lives {
					l.Received(64, nil)
				}
				b.StartTimer()
				g.set.Fold()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(busy), "ns/conn")
		})
	}
}
