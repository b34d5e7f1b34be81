package connz

import (
	"html/template"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/netstats-go/netstats/internal/live"
)

var pages = template.Must(template.ParseFS(assets, "assets/page.html"))

// A page is a sheet in words, for the template, which does nothing but put them in
// their places, escaped.
type page struct {
	Program    string
	PID        int
	Now, Since string
	Down       bool
	Mistake    string
	Tiles      []tile
	Chart      chart
	Tabs       []tab
	Grouping   []tab
	Query      string
	Hidden     [][2]string // what the filter's form keeps of the view
	Extent     string
	All        string // the view without a filter
	JSON, Text string // the same in other formats
	Caption    string
	Heads      []head
	Rows       []row
	Groups     []groupRow
	Empty      string
	Detail     *detail // of one that is in no row
}

type (
	tile struct{ Title, Value, Note, Class string }
	tab  struct {
		Title, Count, Link string
		Current            bool
	}
	head struct {
		Name, Title, Help, Link, Sort string
		Number                        bool
	}
	row struct {
		ID, Link string
		Open     bool
		Cells    []cell
		Detail   *detail
		Columns  int
	}
	cell struct {
		Name, Text, Class string
		Number            bool
		Arrow, Role       string   // of the server
		Small             []string // below it
		Bars              *bars
		Phases            []phase
		Words             string
	}
	groupRow struct {
		Name, Count, Idle, Rx, Tx, Received, Sent, Mix, Link string
	}
)

func (s *sheet) writePage(w io.Writer, c *config, mistake error) error {
	return pages.Execute(w, s.page(c, mistake))
}

func (s *sheet) page(c *config, mistake error) *page {
	p := &page{
		Program: printable(filepath.Base(os.Args[0])), PID: os.Getpid(),
		Now: s.at.Local().Format("15:04:05"), Since: s.since.Local().Format("15:04:05"), Down: s.over,
		Tiles: s.tiles(), Chart: s.chart(), Tabs: s.tabs(), Grouping: s.grouping(),
		Query: s.query, Hidden: s.formFields(), Extent: s.extent(), All: s.link("q", ""),
		JSON: "conns.json" + s.link(), Text: s.link("format", "text"),
		Caption: captions[s.state],
	}
	if mistake != nil {
		p.Mistake = printable(mistake.Error())
	}
	if s.group != "" {
		p.Groups = s.groupRows()
	} else {
		p.Heads, p.Rows = s.heads(), s.rows(c)
	}
	if len(p.Rows)+len(p.Groups) == 0 {
		p.Empty = s.empty()
	}
	if s.detail != nil && !slices.ContainsFunc(p.Rows, func(r row) bool { return r.Open }) {
		p.Detail = s.detail.inDetail(s, c)
	}
	return p
}

var captions = map[string]string{
	"open":   "Connections that are open",
	"closed": "Connections that ended",
	"failed": "Dials that failed",
}

// empty says why there is nothing to see.
func (s *sheet) empty() string {
	switch {
	case s.kept[s.state] > 0:
		return "Nothing of it matches the filter."
	case s.state == "open":
		return "No connection is open that this Tracker knows of."
	case s.state == "closed":
		return "No connection has ended since notes are taken."
	}
	return "No dial has failed since notes are taken."
}

func (s *sheet) tiles() []tile {
	r, t := s.rates(), s.totals
	note := func(n int64, what string) string {
		if n == 0 {
			return ""
		}
		return count(n) + " " + what
	}
	class := func(bad bool) string {
		if bad {
			return "bad"
		}
		return ""
	}
	return []tile{
		{Title: "open", Value: count(t.Open), Note: note(t.Dialing, "dialing")},
		{Title: "received a second", Value: r.text(r.received), Class: "rx"},
		{Title: "sent a second", Value: r.text(r.sent), Class: "tx"},
		{Title: "received", Value: byteCount(t.Received)},
		{Title: "sent", Value: byteCount(t.Sent)},
		{Title: "ended", Value: count(t.Ended), Note: note(t.Broken, "by a fault"), Class: class(t.Broken > 0)},
		{Title: "dials failed", Value: count(t.Failed), Class: class(t.Failed > 0)},
	}
}

func (s *sheet) tabs() (all []tab) {
	for _, state := range []string{"open", "closed", "failed"} {
		title := map[string]string{"open": "Open", "closed": "Closed", "failed": "Failed"}[state]
		value := state
		if state == "open" {
			value = ""
		}
		all = append(all, tab{title, count(int64(s.kept[state])), s.link("state", value, "sort", "", "open", ""), s.state == state})
	}
	return all
}

func (s *sheet) grouping() []tab {
	return []tab{
		{Title: "each", Link: s.link("group", "", "open", ""), Current: s.group == ""},
		{Title: "by server", Link: s.link("group", groupServer, "open", ""), Current: s.group == groupServer},
		{Title: "by caller", Link: s.link("group", groupCaller, "open", ""), Current: s.group == groupCaller},
	}
}

// formFields are what the filter's form is to keep of the view.
func (s *sheet) formFields() (all [][2]string) {
	for _, field := range [][2]string{{"state", s.state}, {"sort", s.sortName()}, {"group", s.group}} {
		if field[1] != "" && field[1] != "open" {
			all = append(all, field)
		}
	}
	return all
}

// onPage are the state's columns that the page has: the others are below the server.
func (s *sheet) onPage() []column {
	return slices.DeleteFunc(slices.Clone(columns[s.state]), func(c column) bool {
		return c.name == peer.name || c.name == caller.name
	})
}

func (s *sheet) heads() (heads []head) {
	for _, c := range s.onPage() {
		h := head{Name: c.name, Title: c.title, Help: c.help, Number: c.number}
		if c.compare != nil {
			h.Link = s.sortLink(&c)
		}
		if s.sort != nil && s.sort.name == c.name {
			h.Sort = "ascending"
			if s.down {
				h.Sort = "descending"
			}
		}
		heads = append(heads, h)
	}
	return heads
}

func (s *sheet) rows(c *config) (rows []row) {
	shown := s.onPage()
	longest := s.longest()
	for _, i := range s.items {
		r := row{ID: i.id(), Link: s.link("open", i.id()), Columns: len(shown)}
		if s.detail != nil && i.id() == s.open {
			r.Open, r.Link = true, s.link("open", "")
			r.Detail = s.detail.inDetail(s, c)
		}
		for n := range shown {
			r.Cells = append(r.Cells, i.cell(&shown[n], longest))
		}
		rows = append(rows, r)
	}
	return rows
}

// longest is the scale of the setups.
func (s *sheet) longest() (d time.Duration) {
	for _, i := range s.items {
		d = max(d, i.Setup.Total)
	}
	return d
}

func (i *item) cell(c *column, longest time.Duration) cell {
	x := cell{Name: c.name, Number: c.number}
	if c.text != nil {
		x.Text = printable(c.text(i))
	}
	switch c.name {
	case "state":
		x.Class = i.stateClass()
	case "server":
		x.Text, x.Arrow, x.Role = printable(i.Server), i.arrow(), i.Role
		x.Small = i.below()
	case "activity":
		b := i.bars()
		x.Bars = &b
	case "setup":
		x.Phases = phases(&i.Setup, longest)
		x.Words = phaseWords(x.Phases)
	}
	return x
}

func (i *item) stateClass() string {
	switch {
	case i.state() == statePeerClosed:
		return "warn"
	case i.faulty():
		return "bad"
	case i.conn != nil:
		return "good"
	}
	return ""
}

// below is what stands below the server's name.
func (i *item) below() (all []string) {
	for _, text := range []string{i.Name, i.peerText(), i.Caller()} {
		if text != "" {
			all = append(all, printable(text))
		}
	}
	return all
}

// peerText is the peer's address, unless it is what was dialed.
func (i *item) peerText() string {
	if text := i.Remote.String(); text != i.Server {
		return text
	}
	return ""
}

func (s *sheet) groupRows() (rows []groupRow) {
	for _, g := range s.groups {
		r := groupRow{
			Name: printable(g.title()), Count: count(int64(g.count)), Idle: count(int64(g.idle)),
			Rx: g.rates.text(g.rates.received), Tx: g.rates.text(g.rates.sent),
			Received: byteCount(g.received), Sent: byteCount(g.sent), Mix: printable(g.mix()),
		}
		if g.name != "" {
			r.Link = s.link("group", "", "q", s.query+" "+s.group+`:"`+g.name+`"`)
		}
		rows = append(rows, r)
	}
	return rows
}

// A detail is all that is told of one connection.
type detail struct {
	ID        string
	State     string
	Class     string
	Server    string
	Close     string // link
	Trace     string // link
	Facts     [][2]string
	TLS       [][2]string
	Steps     []step
	Stack     []string
	Events    []event
	Ticks     []tick
	Recording bool
	Open      bool
	Left      string
}

type (
	step struct {
		Kind, Name, At, Took, Error string
		X, Width                    int
	}
	event struct{ Kind, At, Name, Received, Sent, Took, Trace string }
	// A tick is an event on the axis of time.
	tick struct {
		Kind string
		X    int
	}
)

func (i *item) inDetail(s *sheet, c *config) *detail {
	d := &detail{
		ID: i.id(), State: i.state(), Class: i.stateClass(), Server: printable(i.Server), Close: s.link("open", ""),
		Trace: c.traceLink(i.Trace.TraceID, i.Trace.SpanID, i.Trace.Sampled),
		Facts: i.facts(), TLS: i.tlsFacts(), Steps: i.steps(), Open: i.conn != nil,
	}
	for _, line := range i.stack() {
		d.Stack = append(d.Stack, printable(line))
	}
	told := i.detail(s.names)
	d.Recording = told.Recording
	if told.Left > 0 {
		d.Left = count(told.Left)
	}
	d.events(i, told.Events, c)
	return d
}

// pairs leaves out what has no value.
func pairs(all ...[2]string) (kept [][2]string) {
	for _, p := range all {
		if p[1] != "" && p[1] != none {
			kept = append(kept, [2]string{p[0], printable(p[1])})
		}
	}
	return kept
}

func (i *item) facts() [][2]string {
	over := ""
	if i.conn == nil {
		over = clock(i.at)
	}
	traffic := func(f live.Flow) string {
		if i.failed != nil {
			return ""
		}
		return count(f.Bytes) + " B in " + count(f.Operations) + " calls"
	}
	marks := ""
	if i.Marks > 0 {
		marks = count(int64(i.Marks))
	}
	return pairs(
		[2]string{"Error", i.error},
		[2]string{"Server", i.Server},
		[2]string{"Local", i.Local.String()},
		[2]string{"Peer", i.Remote.String()},
		[2]string{"Network", i.Network},
		[2]string{"Role", i.Role},
		[2]string{"Dialer", i.Name},
		[2]string{"Caller", i.Caller()},
		[2]string{"Opened", clock(i.Opened)},
		[2]string{"Over", over},
		[2]string{"Received", traffic(i.Received)},
		[2]string{"Sent", traffic(i.Sent)},
		[2]string{"RTT", rttText(i)},
		[2]string{"Resent", resentText(i)},
		[2]string{"Marks", marks},
		[2]string{"Trace", i.Trace.TraceID},
		[2]string{"Span", i.Trace.SpanID},
	)
}

func (i *item) tlsFacts() [][2]string {
	t := i.Setup.TLS
	if t == nil {
		return nil
	}
	resumed, expires := "no", ""
	if t.Resumed {
		resumed = "yes"
	}
	if !t.Expires.IsZero() {
		expires = t.Expires.Local().Format("2006-01-02 15:04")
	}
	return pairs(
		[2]string{"Version", t.Version}, [2]string{"Cipher", t.Cipher}, [2]string{"Key exchange", t.Group},
		[2]string{"Protocol", t.Protocol}, [2]string{"Resumed", resumed}, [2]string{"Certificate until", expires},
	)
}

func (i *item) steps() (all []step) {
	s := &i.Setup
	for _, x := range s.Steps {
		at := x.Start.Sub(s.Start)
		name := x.Name
		if x.Addresses > 0 {
			name += " (" + count(int64(x.Addresses)) + " addresses)"
		}
		all = append(all, step{
			Kind: kindNames[x.Kind], Name: printable(name), At: duration(at), Took: duration(x.Took), Error: printable(x.Error),
			X: place(at, s.Total), Width: max(1, place(x.Took, s.Total)),
		})
	}
	return all
}

// events puts down what happened, and where on the axis of time from the opening to
// now, or to the end.
func (d *detail) events(i *item, all []live.Event, c *config) {
	for _, e := range all {
		x := event{
			Kind: e.Kind, At: duration(e.At.Sub(i.Opened)), Name: printable(e.Name), Took: duration(e.Took),
			Trace: c.traceLink(e.Trace.TraceID, e.Trace.SpanID, e.Trace.Sampled),
		}
		if e.Received > 0 {
			x.Received = byteCount(e.Received)
		}
		if e.Sent > 0 {
			x.Sent = byteCount(e.Sent)
		}
		d.Events = append(d.Events, x)
		d.Ticks = append(d.Ticks, tick{e.Kind, 10 * place(e.At.Sub(i.Opened), i.age())})
	}
}
