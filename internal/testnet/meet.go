package testnet

import (
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"
)

// Meet has two goroutines go through a number of rounds. In each one, prepare is
// called, and then a and b at once, to within some hundred nanoseconds: so close
// that what one does falls between two steps of the other every so often. With -short
// there are a tenth of the rounds: the tests are run many times then.
func Meet(rounds int, prepare func(round int), a, b func()) {
	if testing.Short() {
		rounds = (rounds + 9) / 10
	}
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

// await waits without going to sleep, so that the two run on two processors. Only
// if that takes long does it let go of its own, which the other one may be waiting
// for where there is no second one, or where other programs have it.
func await(n *atomic.Int64, atLeast int64) {
	for i := 1; n.Load() < atLeast; i++ {
		if i%spins == 0 {
			time.Sleep(time.Microsecond)
		}
	}
}

// spins take some ten microseconds.
const spins = 20_000

// idle takes a few nanoseconds, more or less.
func idle() {
	var n atomic.Int64
	for range rand.IntN(20) {
		n.Add(1)
	}
}
