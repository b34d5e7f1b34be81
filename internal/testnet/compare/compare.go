// Package compare times several ways to do the same work, one against another.
package compare

import (
	"math/rand/v2"
	"os"
	"slices"
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

// Run times the variants in the same run: each iteration is a turn of every
// variant, in random order, of a batch of operations each. A turn should be below
// 50 µs: then most turns are disturbed by nothing, and quantiles of them say what
// the work takes, on a machine that does other things as well. Means do not.
//
// The first variant is the yardstick. For each other variant v, Run reports
//
//	v-p10-x   the time of an operation, as a multiple of the yardstick's: the
//	          lowest tenth of turns, with caches that are warm and nobody else
//	v-p50-x   the same of half of the turns
//	v-cpu-x   the mean of the processor's time that the process used, other ends
//	          of connections included, where the system tells
//	v-own-ns  the difference in time, of the lowest tenth
//
// Each multiple is the median of those of ten blocks of turns, and comes with
// the half of the distance between the second lowest and the second highest:
//
//	v-p10-±%, v-p50-±%
func Run(b *testing.B, batch int, variants []Variant) {
	b.Helper()
	for _, v := range variants {
		v.Do(batch) // caches, pools and growing slices
	}
	if name := os.Getenv(Alone); name != "" {
		runAlone(b, name, variants)
		return
	}
	all := make([]turns, len(variants))
	for b.Loop() {
		for _, i := range rand.Perm(len(variants)) { // nobody always comes after the same one
			all[i].add(batch, variants[i].Do)
		}
	}
	b.ReportMetric(0, "ns/op") // the sum of all variants says nothing
	plain := all[0].blocks()
	b.ReportMetric(median(plain, block.p10), variants[0].Name+"-p10-ns")
	b.ReportMetric(median(plain, block.p50), variants[0].Name+"-p50-ns")
	for i, v := range variants[1:] {
		report(b, v.Name, plain, all[i+1].blocks())
	}
}

func report(b *testing.B, name string, plain, own []block) {
	b.Helper()
	for statistic, of := range map[string]func(block) float64{"p10": block.p10, "p50": block.p50} {
		x, spread := ratio(plain, own, of)
		b.ReportMetric(x, name+"-"+statistic+"-x")
		b.ReportMetric(100*spread/x, name+"-"+statistic+"-±%")
	}
	if x, _ := ratio(plain, own, block.cpu); x > 0 {
		b.ReportMetric(x, name+"-cpu-x")
	}
	b.ReportMetric(median(own, block.p10)-median(plain, block.p10), name+"-own-ns")
}

// turns are those of one variant.
type turns struct{ wall, cpu []float64 } // ns an operation

func (t *turns) add(batch int, do func(int)) {
	used := cpuTime()
	start := time.Now()
	do(batch)
	wall := time.Since(start)
	used = cpuTime() - used
	t.wall = append(t.wall, float64(wall.Nanoseconds())/float64(batch))
	t.cpu = append(t.cpu, float64(used.Nanoseconds())/float64(batch))
}

// numBlocks is how many blocks the turns are divided into, if there are enough.
const numBlocks = 10

// blocks divides the turns, in order of time. Blocks of the same number are those
// of the same time.
func (t *turns) blocks() []block {
	n := min(numBlocks, len(t.wall))
	blocks := make([]block, n)
	for i := range blocks {
		from, to := i*len(t.wall)/n, (i+1)*len(t.wall)/n
		blocks[i] = block{slices.Sorted(slices.Values(t.wall[from:to])), mean(t.cpu[from:to])}
	}
	return blocks
}

// A block is some turns of one variant.
type block struct {
	sorted []float64
	used   float64
}

func (b block) p10() float64 { return b.sorted[len(b.sorted)/10] }
func (b block) p50() float64 { return b.sorted[len(b.sorted)/2] }
func (b block) cpu() float64 { return b.used }

// ratio is the median of what own is as a multiple of plain, block by block, and
// half of the distance between the second lowest and the second highest.
func ratio(plain, own []block, of func(block) float64) (x, spread float64) {
	all := make([]float64, len(own))
	for i := range own {
		all[i] = of(own[i]) / of(plain[i])
	}
	slices.Sort(all)
	if n := len(all); n > 2 {
		spread = (all[n-2] - all[1]) / 2
	}
	return all[len(all)/2], spread
}

func median(blocks []block, of func(block) float64) float64 {
	all := make([]float64, len(blocks))
	for i := range blocks {
		all[i] = of(blocks[i])
	}
	slices.Sort(all)
	return all[len(all)/2]
}

func mean(all []float64) (sum float64) {
	for _, f := range all {
		sum += f / float64(len(all))
	}
	return sum
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
