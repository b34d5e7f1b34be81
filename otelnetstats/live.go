package otelnetstats

import (
	"crypto/tls"
	"net"
	"slices"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/live"
	"github.com/netstats-go/netstats/internal/tcpinfo"
)

func init() {
	live.Of = func(tracker any) *live.Hub {
		if t, ok := tracker.(*Tracker); ok && !t.zero() {
			return t.liveHub()
		}
		return nil
	}
}

// liveHub is what package connz asks and is told by; made at first use.
func (t *Tracker) liveHub() *live.Hub {
	if h := t.hub.Load(); h != nil {
		return h
	}
	t.hubMade.Do(func() { t.hub.Store(live.NewHub((*source)(t))) })
	return t.hub.Load()
}

// A source is a Tracker as its Hub knows it.
type source Tracker

var _ live.Source = (*source)(nil)

// Down implements [live.Source].
func (s *source) Down() bool { return s.down.Load() }

// Now implements [live.Source].
func (s *source) Now() time.Time { return connstat.Now() }

// Totals implements [live.Source].
func (s *source) Totals() (sum live.Totals) {
	t := (*Tracker)(s)
	t.open.Sample(maxSamples)
	t.open.Fold()
	for _, s := range *t.table.all.Load() {
		if s.key.kind == dials {
			sum.Dialing += s.active.Load()
			continue
		}
		received, sent := s.totals.Flows()
		sum.Received += received.Bytes
		sum.Sent += sent.Bytes
		sum.Open += s.totals.Open()
		for r := range reasons {
			reason := connstat.Reason(r) //nolint:gosec // there are few
			n := s.totals.Ended(reason)
			sum.Ended += n
			if faulty(reason) {
				sum.Broken += n
			}
		}
	}
	return sum
}

// faulty reports whether connections that end so did not end well.
func faulty(r connstat.Reason) bool {
	switch r {
	case connstat.Reset, connstat.Timeout, connstat.Error, connstat.Leaked:
		return true
	}
	return false
}

// Conns implements [live.Source].
func (s *source) Conns(yield func(live.Conn) bool) {
	for _, rec := range s.open.Open() {
		if !rec.Ended() && !yield((*shown)(connOf(rec))) {
			return
		}
	}
}

// A shown is a Conn as it is shown.
type shown Conn

var _ live.Conn = (*shown)(nil)

// ID implements [live.Conn].
func (s *shown) ID() uint64 { return s.rec.ID }

// Identity implements [live.Conn].
func (s *shown) Identity(known *live.Identity) *live.Identity {
	c := (*Conn)(s)
	if known != nil && known.Version == c.setup.Load() && (known.Setup.Total != 0 || c.dialed.Load() == 0) {
		return known
	}
	i := c.liveIdentity()
	i.Version = c.setup.Load()
	return &i
}

func (c *Conn) liveIdentity() live.Identity {
	to := c.target()
	return live.Identity{
		ID:      c.rec.ID,
		Role:    roleNames[c.rec.Role],
		Network: clean(c.Network(), maxName),
		Server:  clean(c.address, maxName),
		Label:   c.series.key.target.String(),
		Name:    to.name,
		Local:   liveAddr(c.rec.Local),
		Remote:  liveAddr(c.rec.Remote),
		Origin:  c.origin,
		Opened:  c.rec.Opened,
		Setup:   c.liveSetup(),
		Trace:   liveTrace(c.SpanContext()),
	}
}

// Numbers implements [live.Conn].
func (s *shown) Numbers() live.Numbers {
	c := (*Conn)(s)
	c.rec.Sample()
	received, sent := c.rec.Flows()
	n := live.Numbers{
		Received: live.Flow(received), Sent: live.Flow(sent),
		Active: c.rec.Active(), PeerDone: c.rec.PeerDone(),
	}
	if h := c.history.Load(); h != nil {
		n.Marks, n.Mark = h.latestMark()
	}
	return n
}

// Ask implements [live.Conn].
func (s *shown) Ask() (live.TCP, bool) {
	info, ok := s.rec.Ask()
	return liveTCP(info), ok
}

func liveTCP(info tcpinfo.Info) live.TCP {
	return live.TCP{RTT: info.RTT, Retransmits: info.Retransmits, PeerDone: info.PeerLeft}
}

// Detail implements [live.Conn].
func (s *shown) Detail() live.Detail {
	c := (*Conn)(s)
	if c.journal == nil {
		marks := c.history.Load().recent(lastMarks)
		return live.Detail{Events: c.liveEvents(nil, marks)}
	}
	runs, marks, left, number := c.journal.soFar(c.history.Load())
	return live.Detail{
		Recording: !c.tracker.cfg.noSpanEvents,
		Part:      number,
		Events:    c.liveEvents(runs, marks),
		Left:      left,
	}
}

func (c *Conn) liveEvents(runs []run, marks []mark) []live.Event {
	events := make([]live.Event, 0, len(runs)+len(marks))
	for _, r := range runs {
		e := live.Event{Kind: live.EventRead, At: c.rec.Opened.Add(r.at), Took: r.lasted, Operations: int64(r.operations)}
		if r.direction == connstat.Sent {
			e.Kind, e.Sent = live.EventWrite, r.bytes
		} else {
			e.Received = r.bytes
		}
		events = append(events, e)
	}
	for _, m := range marks {
		e := live.Event{
			Kind: live.EventMark, At: c.rec.Opened.Add(m.at), Took: m.since, Name: m.name,
			Received: m.lap[connstat.Received], Sent: m.lap[connstat.Sent],
		}
		if m.more != nil {
			e.Trace = liveTrace(m.more.by)
		}
		events = append(events, e)
	}
	slices.SortStableFunc(events, func(a, b live.Event) int { return a.At.Compare(b.At) })
	return events
}

// tellEnded has the connection among those that ended, if anybody is to see them.
func (c *Conn) tellEnded(info tcpinfo.Info, asked bool) {
	hub := c.tracker.hub.Load()
	if hub == nil {
		return
	}
	e := &live.Ended{
		Identity: c.liveIdentity(),
		Numbers:  (*shown)(c).Numbers(),
		Detail:   (*shown)(c).Detail(),
		At:       connstat.Now(),
		Reason:   string(c.CloseReason()),
		TCP:      liveTCP(info), HasTCP: asked,
	}
	if err := c.fault(); err != nil {
		e.ErrorType, e.Error = errorType(err), errorText(err)
	}
	hub.End(e)
}

// tellFailed has the dial among those that failed, if anybody is to see them.
func (d *dial) tellFailed(err error) {
	hub := d.tracker.hub.Load()
	if hub == nil {
		return
	}
	f := &live.Failed{
		At:        connstat.Now(),
		Network:   clean(d.network, maxName),
		Server:    clean(d.address, maxName),
		Label:     d.series.key.target.String(),
		Name:      d.target.name,
		Origin:    d.origin,
		ErrorType: errorType(err),
		Error:     errorText(err),
		Trace:     liveTrace(d.span.SpanContext()),
	}
	if d.setup != nil {
		f.Setup = liveSetup(d.setup)
	} else {
		f.Setup = live.Setup{Start: d.start, Total: connstat.Since(d.start)}
	}
	hub.Fail(f)
}

func liveTrace(sc trace.SpanContext) live.Trace {
	if !sc.IsValid() {
		return live.Trace{}
	}
	return live.Trace{TraceID: sc.TraceID().String(), SpanID: sc.SpanID().String(), Sampled: sc.IsSampled()}
}

func liveAddr(addr net.Addr) live.Addr {
	switch a := addr.(type) {
	case *net.TCPAddr:
		if ip := a.AddrPort(); ip.IsValid() {
			return live.Addr{IP: ip}
		}
	case *net.UDPAddr:
		if ip := a.AddrPort(); ip.IsValid() {
			return live.Addr{IP: ip}
		}
	}
	if isNil(addr) {
		return live.Addr{}
	}
	return live.Addr{Text: clean(textOf(addr), maxName)}
}

func (c *Conn) liveSetup() live.Setup {
	s := c.Setup()
	return liveSetup(&s)
}

// liveSetup says in texts how a connection came about, so that nothing is kept of
// other people's errors.
func liveSetup(s *Setup) live.Setup {
	set := live.Setup{Start: s.Start, Total: s.Total}
	for i := range s.Lookups {
		l := &s.Lookups[i]
		set.Steps = append(set.Steps, live.Step{
			Kind: live.StepDNS, Name: clean(l.Name, maxName),
			Start: l.Start, Took: l.Duration, Addresses: l.Addresses, Error: liveError(l.Err),
		})
	}
	for i := range s.Connects {
		c := &s.Connects[i]
		set.Steps = append(set.Steps, live.Step{
			Kind: live.StepConnect, Name: clean(c.Address, maxName),
			Start: c.Start, Took: c.Duration, Error: liveError(c.Err),
		})
	}
	set.Steps = set.Steps[:min(len(set.Steps), live.MaxSteps-1)]
	if h := &s.TLS; !h.Start.IsZero() {
		set.Steps = append(set.Steps, live.Step{
			Kind: live.StepTLS, Start: h.Start, Took: h.Duration, Error: liveError(h.Err),
		})
		set.TLS = liveTLS(h)
	}
	return set
}

func liveTLS(h *TLSHandshake) *live.TLS {
	if h.Err != nil || h.Version == 0 {
		return nil
	}
	return &live.TLS{
		Version:  tlsVersion(h.Version),
		Cipher:   tls.CipherSuiteName(h.CipherSuite),
		Group:    h.Group.String(),
		Protocol: clean(h.NextProtocol, maxName),
		Resumed:  h.Resumed,
		Expires:  h.CertificateExpiry,
	}
}

func liveError(err error) string {
	if err == nil {
		return ""
	}
	return errorType(err)
}
