package connz

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/netstats-go/netstats/internal/live"
)

// TestDeltaOfAProfile: a connection that ends meanwhile counts what it moved meanwhile,
// and nothing is negative.
func TestDeltaOfAProfile(t *testing.T) {
	place := live.Place{Server: "a:1", Role: "client"}
	closed := place
	closed.Reason = "local"
	before := usage{
		{Place: place, open: true}: {live.Sums{Connections: 2, Received: 300, Open: time.Second}, 2},
		{Place: closed}:            {live.Sums{Connections: 1, Received: 1000, Open: time.Second}, 0},
	}
	after := usage{
		{Place: place, open: true}: {live.Sums{Connections: 1, Received: 150, Open: time.Second}, 1},
		{Place: closed}:            {live.Sums{Connections: 2, Received: 1250, Open: 4 * time.Second}, 0},
	}
	delta := after.whole().since(before.whole())
	want := values{live.Sums{Received: 100, Open: 3 * time.Second}, 1}
	if len(delta) != 1 || delta[corner{Place: place}] != want {
		t.Errorf("%+v, want %+v", delta, want)
	}
	for _, v := range before.whole().since(after.whole()) {
		if v.Received < 0 || v.Connections < 0 || v.Open < 0 {
			t.Errorf("negative: %+v", v)
		}
	}
}

// TestProfilesAreFewAtATime: each keeps a goroutine of the server's waiting.
func TestProfilesAreFewAtATime(t *testing.T) {
	h := new(handler)
	for range maxProfiles {
		if !h.enter() {
			t.Fatal("no room")
		}
	}
	if h.enter() {
		t.Error("one more is taken")
	}
	h.leave()
	if !h.enter() {
		t.Error("no room after one has left")
	}
}

// TestAProfileEndsWithItsReader, who does not want to wait any more.
func TestAProfileEndsWithItsReader(t *testing.T) {
	watch(t, func(t *testing.T, _ *fake, h *handler) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		r := httptest.NewRequestWithContext(ctx, "GET", "/profile?seconds=300", nil)
		w := httptest.NewRecorder()
		h.profile(w, r, true)
		if w.Body.Len() != 0 || h.profiles.Load() != 0 {
			t.Errorf("%d bytes, %d under way", w.Body.Len(), h.profiles.Load())
		}
	})
}
