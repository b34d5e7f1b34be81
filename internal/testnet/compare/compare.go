// Package compare times several ways to do the same work, one against another.
package compare

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"
)

// A Variant is one way to do the work.
type Variant struct {
	Name string
	Do   func(n int) // n operations
}

// Alone is an environment variable with the name of a variant, which is then the
// only one to be run, as a benchmark of the usual kind. That is the way to count
// what it allocates, or its instructions.
const Alone = "NETSTATS_BENCH_ALONE"

// Run times the variants in the same run: each iteration does a batch of work
// with every variant in turn, so that what else the machine does meets all of
// them alike. The first is the yardstick. For each other variant v, Run reports
//
//	v-x       the time of an operation as a multiple of the yardstick's
//	v-own-ns  the difference
func Run(b *testing.B, batch int, variants []Variant) {
	b.Helper()
	for _, v := range variants {
		v.Do(batch) // caches, pools and growing slices
	}
	if name := os.Getenv(Alone); name != "" {
		runAlone(b, name, variants)
		return
	}
	spent := make([]time.Duration, len(variants))
	rounds := 0
	for b.Loop() {
		for _, i := range rand.Perm(len(variants)) { // nobody always comes after the same one
			start := time.Now()
			variants[i].Do(batch)
			spent[i] += time.Since(start)
		}
		rounds++
	}
	perOp := func(i int) float64 { return float64(spent[i].Nanoseconds()) / float64(rounds) / float64(batch) }
	b.ReportMetric(0, "ns/op") // the sum of all variants says nothing
	b.ReportMetric(perOp(0), variants[0].Name+"-ns")
	for i, v := range variants[1:] {
		b.ReportMetric(perOp(i+1)-perOp(0), v.Name+"-own-ns")
		b.ReportMetric(perOp(i+1)/perOp(0), v.Name+"-x")
	}
}

func runAlone(b *testing.B, name string, variants []Variant) {
	b.Helper()
	for _, v := range variants {
		if v.Name == name {
			b.ReportAllocs()
			b.ResetTimer()
			v.Do(b.N)
			return
		}
	}
	b.Skipf("no variant %q here", name)
}
