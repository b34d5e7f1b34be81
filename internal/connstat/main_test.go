package connstat_test

import (
	"testing"

	"github.com/netstats-go/netstats/internal/testnet"
)

func TestMain(m *testing.M) { testnet.Main(m) }

// meet has a and b meet many times, with what prepare has made, and each time looks
// at what came of it, until the test fails.
func meet(t *testing.T, rounds int, prepare, a, b, check func()) {
	t.Helper()
	if testnet.Race {
		rounds /= 20
	}
	testnet.Meet(rounds, func(round int) {
		if round > 0 && !t.Failed() {
			check()
		}
		prepare()
	}, a, b)
	check()
}
