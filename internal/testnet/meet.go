package testnet

import (
	"math/rand/v2"
	"runtime"
	"sync/atomic"
)

// Meet has two goroutines go through a number of rounds. In each one, prepare is
// called, and then a and b at once, to within some hundred nanoseconds: so close
// that what one does falls between two steps of the other every so often.
func Meet(rounds int, prepare func(round int), a, b func()) {
	var begun, ended atomic.Int64
	go func() {
		for i := range int64(rounds) {
			await(&begun, i+1)
			idle()
			b()
			ended.Store(i + 1)
		}
	}()
	for i := range int64(rounds) {
		prepare(int(i))
		begun.Store(i + 1)
		idle()
		a()
		await(&ended, i+1)
	}
}

// await waits without going to sleep, unless there is only one processor.
func await(n *atomic.Int64, atLeast int64) {
	for i := 0; n.Load() < atLeast; i++ {
		if i%1000 == 999 {
			runtime.Gosched()
		}
	}
}

// idle takes a few nanoseconds, more or less.
func idle() {
	var n atomic.Int64
	for range rand.IntN(20) {
		n.Add(1)
	}
}
