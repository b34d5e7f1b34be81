package connz

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/netstats-go/netstats/internal/live"
)

const (
	// maxSeconds bounds how long a profile of what happens from now on takes, and
	// maxProfiles how many are taken at a time.
	maxSeconds  = 300
	maxProfiles = 8
)

// profileTypes are the values that a profile has of each place.
var profileTypes = [][2]string{
	{"open", "count"},            // connections that are open
	{"connections", "count"},     // with those that ended
	{"failed", "count"},          // dials
	{"received", "bytes"},        // by all of the connections
	{"sent", "bytes"},            //
	{"dial", "nanoseconds"},      // for how long was dialed
	{"open_time", "nanoseconds"}, // for how long they were open
}

// defaultProfile is what is looked at if nothing else is asked.
const defaultProfile = "open"

// A corner is what a profile tells connections apart by.
type corner struct {
	live.Place
	open bool
}

// usage is what was found in each corner.
type usage map[corner]values

type values struct {
	live.Sums
	open int64
}

func (u usage) add(c corner, s live.Sums, open int64) {
	sums := u[c]
	sums.Add(s)
	sums.open += open
	u[c] = sums
}

// usage adds up all that ended since the handler was made, and all that is open. What
// ends in between is left out.
func (h *handler) usage(names bool) usage {
	u := make(usage)
	place := func(p live.Place) live.Place {
		if !names {
			p.Server = ""
		}
		return p
	}
	for p, sums := range h.hub.Tally() {
		u.add(corner{Place: place(p)}, sums, 0)
	}
	now := h.hub.Now()
	h.hub.Conns(func(c live.Conn) bool {
		id, n := c.Identity(nil), c.Numbers()
		u.add(corner{Place: place(live.Place{Origin: id.Origin, Server: id.Label, Role: id.Role}), open: true}, live.Sums{
			Connections: 1, Received: n.Received.Bytes, Sent: n.Sent.Bytes,
			Dial: id.Setup.Total, Open: max(0, now.Sub(id.Opened)),
		}, 1)
		return true
	})
	return u
}

// whole does not tell what is open from what ended: a connection that ends goes from
// the one to the other, and would be missing in a difference.
func (u usage) whole() usage {
	whole := make(usage)
	for c, sums := range u {
		c.open = false
		if !c.Failed {
			c.Reason = ""
		}
		whole.add(c, sums.Sums, sums.open)
	}
	return whole
}

// since is what was added since before. What is open is as it is now.
func (u usage) since(before usage) usage {
	delta := make(usage)
	for c, s := range u {
		b := before[c]
		delta.add(c, live.Sums{
			Connections: max(0, s.Connections-b.Connections), Failures: max(0, s.Failures-b.Failures),
			Received: max(0, s.Received-b.Received), Sent: max(0, s.Sent-b.Sent),
			Dial: max(0, s.Dial-b.Dial), Open: max(0, s.Open-b.Open),
		}, s.open)
	}
	return delta
}

// profile answers with a profile of all, or with ?seconds=N of what happens from now
// on for so long.
func (h *handler) profile(w http.ResponseWriter, r *http.Request, names bool) {
	took, err := parseSeconds(r.URL.Query().Get("seconds"))
	if err != nil {
		http.Error(w, "connz: "+err.Error(), http.StatusBadRequest)
		return
	}
	all := h.usage(names)
	if took > 0 {
		if !h.enter() {
			http.Error(w, "connz: so many profiles are being taken that there is no room for another one", http.StatusServiceUnavailable)
			return
		}
		defer h.leave()
		if !h.rest(w, r, took) {
			return // who asked has gone
		}
		all = h.usage(names).whole().since(all.whole())
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="connections.pb.gz"`)
	p := newPprof(profileTypes, defaultProfile, h.hub.Now(), cmp.Or(took, h.hub.Now().Sub(h.hub.Since())))
	p.fill(all)
	_ = p.writeTo(w) // who asked has gone
}

func parseSeconds(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxSeconds {
		return 0, fmt.Errorf("seconds %q: a number is wanted, from 1 to %d", cut(s), maxSeconds)
	}
	return time.Duration(n) * time.Second, nil
}

func (h *handler) enter() bool {
	if h.profiles.Add(1) > maxProfiles {
		h.leave()
		return false
	}
	return true
}

func (h *handler) leave() { h.profiles.Add(-1) }

// grace is how much longer than a profile takes its answer may take.
const grace = 30 * time.Second

// rest waits. The server's limit on the time of an answer is put off, where that is
// possible. It reports false if nobody waits any more.
func (h *handler) rest(w http.ResponseWriter, r *http.Request, d time.Duration) bool {
	c := http.NewResponseController(w)
	if err := c.SetWriteDeadline(h.hub.Now().Add(d + grace)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// fill adds a sample for each corner, in an order that does not change.
func (p *pprof) fill(all usage) {
	corners := make([]corner, 0, len(all))
	for c := range all {
		corners = append(corners, c)
	}
	slices.SortFunc(corners, func(a, b corner) int {
		return cmp.Or(strings.Compare(a.Server, b.Server), strings.Compare(a.caller(), b.caller()), strings.Compare(a.state(), b.state()), strings.Compare(a.Reason, b.Reason))
	})
	for _, c := range corners {
		s := all[c]
		p.sample(c.frames(),
			[]int64{s.open, s.Connections, s.Failures, s.Received, s.Sent, int64(s.Dial), int64(s.Open)},
			[][2]string{{"server", c.Server}, {"caller", c.caller()}, {"role", c.Role}, {"state", c.state()}, {"reason", c.Reason}})
	}
}

func (c *corner) caller() string {
	if c.Origin == nil {
		return ""
	}
	return c.Origin.Caller
}

func (c *corner) state() string {
	switch {
	case c.Failed:
		return "failed"
	case c.open:
		return stateOpen
	case c.Reason != "":
		return "closed"
	}
	return ""
}

// frames are the stack of the dial; where it is not known, the caller or the role
// stands in its place.
func (c *corner) frames() []runtime.Frame {
	if frames := c.Origin.Frames(); len(frames) > 0 {
		return frames
	}
	return []runtime.Frame{{Function: cmp.Or(c.caller(), "("+c.Role+")")}}
}
