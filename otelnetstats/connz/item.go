package connz

import (
	"strconv"
	"strings"
	"time"

	"github.com/netstats-go/netstats/internal/live"
)

// An item is a connection, or a dial that failed, as it was found by a look. Items
// are shared by those who look: they do not change.
type item struct {
	*live.Identity // of a dial that failed, as far as there is one
	live.Numbers

	conn   live.Conn    // nil unless it is open
	ended  *live.Ended  // nil unless it ended
	failed *live.Failed // nil unless it is a dial
	spark  *spark       // nil unless it is open and was shown
	error  string

	at    time.Time // of the look, or when it was over
	rates rates
	tcp   live.TCP
	asked bool // the kernel answered
}

// rates are bytes a second, as far as two looks tell.
type rates struct {
	received, sent float64
	known          bool
}

func endedItem(e *live.Ended) *item {
	return &item{
		Identity: &e.Identity, Numbers: e.Numbers, ended: e, error: e.Error,
		at: e.At, tcp: e.TCP, asked: e.HasTCP,
	}
}

func failedItem(f *live.Failed) *item {
	return &item{
		Identity: &live.Identity{
			ID: f.ID, Role: "client", Network: f.Network, Server: f.Server, Label: f.Label, Name: f.Name,
			Origin: f.Origin, Opened: f.Setup.Start, Setup: f.Setup, Trace: f.Trace,
		},
		failed: f, error: f.Error, at: f.At,
	}
}

// id is what the item is known by on the page. Dials have numbers of their own.
func (i *item) id() string {
	id := strconv.FormatUint(i.ID, 10)
	if i.failed != nil {
		return "f" + id
	}
	return id
}

const (
	stateOpen       = "open"
	statePeerClosed = "peer closed"
)

// state is what a connection is in, why it ended, or with what a dial failed.
func (i *item) state() string {
	switch {
	case i.failed != nil:
		return i.failed.ErrorType
	case i.ended != nil:
		return i.ended.Reason
	case i.PeerDone || i.tcp.PeerDone:
		return statePeerClosed
	}
	return stateOpen
}

// faulty reports whether the state is a bad one.
func (i *item) faulty() bool {
	switch i.state() {
	case stateOpen, "local", "remote", "shutdown":
		return false
	}
	return true
}

// age is how old a connection is, or was when it ended, or how long a dial took.
func (i *item) age() time.Duration { return max(0, i.at.Sub(i.Opened)) }

// idle is how long nothing was found to have moved.
func (i *item) idle() time.Duration {
	if i.Active.IsZero() {
		return i.age()
	}
	return max(0, i.at.Sub(i.Active))
}

// protocol is the network, and what TLS agreed upon.
func (i *item) protocol() string {
	tls := i.Setup.TLS
	if tls == nil {
		return i.Network
	}
	return strings.TrimSpace(i.Network + " tls " + tls.Version + " " + tls.Protocol)
}

// place is the server of a group: as metrics have it, so that there are not many.
func (i *item) place() string { return i.Label }

// hidden is the item without names and addresses.
func (i *item) hidden() *item {
	h, id := *i, *i.Identity
	id.Server, id.Label, id.Name, id.Local, id.Remote = "", "", "", live.Addr{}, live.Addr{}
	id.Setup.Steps = append([]live.Step(nil), id.Setup.Steps...)
	for n := range id.Setup.Steps {
		id.Setup.Steps[n].Name = ""
	}
	h.Identity, h.Mark, h.error = &id, "", ""
	return &h
}

// detail is what is asked of a single item.
func (i *item) detail(names bool) (d live.Detail) {
	switch {
	case i.conn != nil:
		d = i.conn.Detail()
	case i.ended != nil:
		d = i.ended.Detail
	}
	if !names {
		d.Events = append([]live.Event(nil), d.Events...)
		for n := range d.Events {
			d.Events[n].Name = ""
		}
	}
	return d
}
