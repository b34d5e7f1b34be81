package otelnetstats

import (
	"fmt"
	"sync/atomic"
	"testing"

	"go.opentelemetry.io/otel/attribute"

	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/testnet"
)

// setWith returns a set that has room for so many extensions, and past that is with
// all others.
func setWith(room int64) *attributeSet {
	s, others := new(attributeSet), new(attributeSet)
	others.init([]attribute.KeyValue{keyServerAddress.String(otherValue)})
	s.init([]attribute.KeyValue{keyServerAddress.String("server")})
	s.room = newRoom(room)
	s.past = func() *attributeSet { return others }
	return s
}

func (s *attributeSet) want(t *testing.T, errorType, address, as string) {
	t.Helper()
	got := s.with(keyErrorType.String(errorType))
	if want := attribute.NewSet(keyServerAddress.String(address), keyErrorType.String(as)); got.Equivalent() != want.Equivalent() {
		t.Errorf("%s: got %v, want %v", errorType, got.ToSlice(), want.ToSlice())
	}
}

// TestAnErrorTakesRoomOnce, and those that there are too many of take it together.
func TestAnErrorTakesRoomOnce(t *testing.T) {
	const room = 40
	s := setWith(room)
	want := func(what string, taken int64) {
		t.Helper()
		if got := room - s.room.left.Load(); got != taken {
			t.Errorf("%s: %d sets have taken room, want %d", what, got, taken)
		}
	}
	for range 1000 {
		s.want(t, "timeout", "server", "timeout")
	}
	want("one error", 1)
	for i := range maxExtensions - 1 {
		s.want(t, fmt.Sprint(i), "server", fmt.Sprint(i))
	}
	for i := range 1000 {
		s.want(t, fmt.Sprint("x", i), "server", otherValue)
	}
	want("any number of them", maxExtensions+1)
}

// TestErrorsWithoutRoom are told among those of all others.
func TestErrorsWithoutRoom(t *testing.T) {
	s := setWith(1)
	s.want(t, "timeout", "server", "timeout")
	s.want(t, "eof", otherValue, "eof")
	s.want(t, "timeout", "server", "timeout")
}

// TestRoomConcurrentSafe: of two that take the last one gets it.
func TestRoomConcurrentSafe(t *testing.T) {
	rounds := 5000
	if testnet.Race {
		rounds /= 20
	}
	var r *room
	var taken atomic.Int64
	take := func() {
		if r.take() {
			taken.Add(1)
		}
	}
	testnet.Meet(rounds, func(round int) {
		if got := taken.Load(); got != int64(round) {
			t.Fatalf("of %d sets with room for one %d took it", round, got)
		}
		r = newRoom(1)
	}, take, take)
}

// TestReasonsAreToldApartForGood: a reason takes room when it first occurs, however
// often it is collected.
func TestReasonsAreToldApartForGood(t *testing.T) {
	s := newSeriesTable(newConfig(nil)).get(connectionsTo("a:80"))
	for range 10 {
		for _, reason := range []connstat.Reason{connstat.Local, connstat.Remote} {
			if s.closedWith(reason) == nil {
				t.Fatal("there is no room")
			}
		}
	}
	if got := maxClosed - s.closedRoom.left.Load(); got != 2 {
		t.Errorf("two reasons have taken room %d times", got)
	}
}
