package otelnetstats

import "testing"

// TestMakingASeriesAgain, as goroutines do that dial a server first at once: they
// do not use up what the server may have.
func TestMakingASeriesAgain(t *testing.T) {
	table := newSeriesTable(newConfig(nil))
	key := seriesKey{kind: dials, target: newTarget("tcp", "server:80", "")}
	first := table.make(key)
	for range 2 * maxSetsPerServer {
		if table.make(key) != first {
			t.Fatal("another series was made")
		}
	}
	if sets := table.servers[serverKey{"server", 80}]; sets[dials] != 1 {
		t.Errorf("the server has %d sets, want 1", sets[dials])
	}
}
