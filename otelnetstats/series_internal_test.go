package otelnetstats

import (
	"strconv"
	"strings"
	"testing"
)

func dialsTo(name string) seriesKey {
	return seriesKey{kind: dials, target: newTarget("tcp", name, "")}
}

func connectionsTo(name string) seriesKey {
	return seriesKey{kind: clientConnections, target: newTarget("tcp", name, "")}
}

// TestMakingASeriesAgain, as goroutines do that dial a server first at once: they
// do not use up what the server may have.
func TestMakingASeriesAgain(t *testing.T) {
	table := newSeriesTable(newConfig(nil))
	key := dialsTo("server:80")
	first := table.add(key, false)
	for range 2 * maxSetsPerServer {
		if table.add(key, false) != first {
			t.Fatal("another series was made")
		}
	}
	if s := table.servers[serverKey{"server", 80}]; s.sets[dials] != 1 {
		t.Errorf("the server has %d sets, want 1", s.sets[dials])
	}
}

func name(prefix string, i int) string { return prefix + strconv.Itoa(i) + ":80" }

// TestNamesThatNeverAnsweredLeaveRoom for those that do, however many come first.
func TestNamesThatNeverAnsweredLeaveRoom(t *testing.T) {
	table := newSeriesTable(newConfig([]Option{WithMaxServers(8)}))
	named := func(s *series) bool { return s.server != nil }
	for i := range 1000 {
		if got, want := named(table.get(dialsTo(name("dead", i)))), i < 2; got != want {
			t.Fatalf("dead%d has a series of its own: %v, want %v", i, got, want)
		}
	}
	if !named(table.get(dialsTo(name("dead", 0)))) {
		t.Error("what had a series has none any more")
	}
	for i := range 8 {
		to := newTarget("tcp", name("good", i), "")
		begun := table.get(dialsTo(name("good", i)))
		if named(begun) {
			t.Errorf("good%d has a series before it has answered", i)
		}
		if !named(table.answeredDial(begun, to)) || !named(table.get(connectionsTo(name("good", i)))) {
			t.Errorf("good%d has no series of its own", i)
		}
	}
	if named(table.get(connectionsTo("late:80"))) || named(table.answeredDial(table.get(dialsTo("late:80")), newTarget("tcp", "late:80", ""))) {
		t.Error("a ninth server has a series of its own")
	}
	if n := len(table.servers); n != 10 {
		t.Errorf("%d servers are known, want 10", n)
	}
}

// TestServersThatAnswerAtLast count against the cap on servers from then on, and
// no more against that on those that never did.
func TestServersThatAnswerAtLast(t *testing.T) {
	table := newSeriesTable(newConfig([]Option{WithMaxServers(8)}))
	for i := range 6 {
		s := table.get(dialsTo(name("slow", i)))
		if s.server == nil {
			t.Fatalf("slow%d: no series of its own", i)
		}
		if again := table.answeredDial(s, s.key.target); again != s {
			t.Errorf("slow%d: another series once it answered", i)
		}
	}
	if table.budget.named() != 6 || table.budget.unanswered != 0 {
		t.Errorf("%d answered and %d not, want 6 and 0", table.budget.named(), table.budget.unanswered)
	}
	// Past the cap what is there stays, and nothing grows.
	table.get(dialsTo("a:80"))
	table.get(connectionsTo("b:80"))
	table.get(connectionsTo("c:80"))
	s := table.get(connectionsTo("a:80"))
	for range 3 {
		if table.get(connectionsTo("a:80")) != s || s.server == nil {
			t.Error("a server that answers past the cap loses its series")
		}
	}
	if table.budget.named() != 8 || table.budget.unanswered != 1 {
		t.Errorf("%d answered and %d not, want 8 and 1", table.budget.named(), table.budget.unanswered)
	}
}

// TestNamesThatNoServerHas are counted together.
func TestNamesThatNoServerHas(t *testing.T) {
	table := newSeriesTable(newConfig(nil))
	for network, longest := range map[string]int{"tcp": maxName, "unix": maxPath} {
		for _, length := range []int{longest, longest + 1, 1 << 20} {
			to := newTarget(network, strings.Repeat("x", length), "")
			s := table.get(seriesKey{kind: clientConnections, target: to})
			if got, want := s.server == nil, length > longest; got != want {
				t.Errorf("%s, %d bytes: counted together: %v, want %v", network, length, got, want)
			}
			if n := len(to.address); n > longest {
				t.Errorf("%s: spans would have %d bytes, want at most %d", network, n, longest)
			}
		}
	}
}

// TestAServerCountsOnce, however many sets it has.
func TestAServerCountsOnce(t *testing.T) {
	table := newSeriesTable(config{maxServers: 10})
	to := newTarget("tcp", "server.test:80", "")
	for _, key := range []seriesKey{
		{kind: dials, target: to},
		{kind: clientConnections, target: to, networkType: "ipv4"},
		{kind: clientConnections, target: to, networkType: "ipv6"},
		{kind: serverConnections, target: to},
	} {
		table.get(key)
	}
	if got := table.budget.named(); got != 1 || table.budget.unanswered != 0 {
		t.Errorf("%d servers have answered and %d have not, want 1 and 0", got, table.budget.unanswered)
	}
}
