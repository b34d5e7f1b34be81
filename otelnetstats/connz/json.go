package connz

import (
	"encoding/json"
	"io"
	"time"

	"github.com/netstats-go/netstats/internal/live"
)

// jsonVersion changes when a field is taken away or means something else.
const jsonVersion = 1

// These are what conns.json has. Times are those of RFC 3339, durations are seconds,
// sizes are bytes, rates are bytes a second. A field without a value is not there.
type (
	jsonSheet struct {
		Version   int            `json:"version"`
		Time      time.Time      `json:"time"`
		Since     time.Time      `json:"since"` // notes were taken
		Down      bool           `json:"shut_down,omitempty"`
		Totals    jsonTotals     `json:"totals"`
		History   []jsonSample   `json:"history"` // oldest first
		State     string         `json:"state"`
		Kept      map[string]int `json:"kept"`    // by state
		Matched   int            `json:"matched"` // by the filter
		Conns     []jsonItem     `json:"connections,omitempty"`
		Groups    []jsonGroup    `json:"groups,omitempty"`
		Connected *jsonDetail    `json:"opened,omitempty"`
	}
	jsonTotals struct {
		Open         int64    `json:"open"`
		Dialing      int64    `json:"dialing"`
		Ended        int64    `json:"ended"`
		Broken       int64    `json:"broken"` // of them, by a fault
		Failed       int64    `json:"failed"` // dials, since notes were taken
		Received     int64    `json:"received"`
		Sent         int64    `json:"sent"`
		ReceivedRate *float64 `json:"received_per_second,omitempty"`
		SentRate     *float64 `json:"sent_per_second,omitempty"`
	}
	jsonSample struct {
		Time         time.Time `json:"time"`
		Open         int64     `json:"open"`
		Failed       int64     `json:"failed"` // since the sample before
		ReceivedRate float64   `json:"received_per_second"`
		SentRate     float64   `json:"sent_per_second"`
	}
	jsonItem struct {
		ID           string     `json:"id"`
		State        string     `json:"state"`
		Role         string     `json:"role"`
		Network      string     `json:"network"`
		Server       string     `json:"server,omitempty"`
		Dialer       string     `json:"dialer,omitempty"`
		Local        string     `json:"local,omitempty"`
		Peer         string     `json:"peer,omitempty"`
		Caller       string     `json:"caller,omitempty"`
		Opened       time.Time  `json:"opened"`
		Ended        *time.Time `json:"ended,omitempty"`
		Age          float64    `json:"age"`
		Idle         *float64   `json:"idle,omitempty"`
		RTT          *float64   `json:"rtt,omitempty"`
		Resent       *int64     `json:"resent,omitempty"`
		Received     int64      `json:"received"`
		Sent         int64      `json:"sent"`
		Reads        int64      `json:"reads"`
		Writes       int64      `json:"writes"`
		ReceivedRate *float64   `json:"received_per_second,omitempty"`
		SentRate     *float64   `json:"sent_per_second,omitempty"`
		Marks        int        `json:"marks,omitempty"`
		Mark         string     `json:"mark,omitempty"`
		ErrorType    string     `json:"error_type,omitempty"`
		Error        string     `json:"error,omitempty"`
		Setup        *jsonSetup `json:"setup,omitempty"`
		TLS          *jsonTLS   `json:"tls,omitempty"`
		Trace        *jsonTrace `json:"trace,omitempty"`
	}
	jsonSetup struct {
		Total float64    `json:"total"`
		Steps []jsonStep `json:"steps,omitempty"`
	}
	jsonStep struct {
		Kind      string  `json:"kind"` // dns, connect or tls
		Name      string  `json:"name,omitempty"`
		At        float64 `json:"at"` // since the dial began
		Took      float64 `json:"took"`
		Addresses int     `json:"addresses,omitempty"`
		ErrorType string  `json:"error_type,omitempty"`
	}
	jsonTLS struct {
		Version  string     `json:"version"`
		Cipher   string     `json:"cipher"`
		Group    string     `json:"group,omitempty"`
		Protocol string     `json:"protocol,omitempty"`
		Resumed  bool       `json:"resumed,omitempty"`
		Expires  *time.Time `json:"certificate_expires,omitempty"`
	}
	jsonTrace struct {
		TraceID string `json:"trace_id"`
		SpanID  string `json:"span_id"`
		Sampled bool   `json:"sampled"`
	}
	jsonGroup struct {
		Name         string         `json:"name"`
		Count        int            `json:"count"`
		States       map[string]int `json:"states"`
		IdleMinute   int            `json:"idle_minute,omitempty"`
		Received     int64          `json:"received"`
		Sent         int64          `json:"sent"`
		ReceivedRate *float64       `json:"received_per_second,omitempty"`
		SentRate     *float64       `json:"sent_per_second,omitempty"`
	}
	jsonDetail struct {
		jsonItem
		Stack  []string    `json:"stack,omitempty"`
		Part   int         `json:"part,omitempty"` // of its life, that events are of
		Left   int64       `json:"events_left_out,omitempty"`
		Events []jsonEvent `json:"events,omitempty"`
	}
	jsonEvent struct {
		Kind       string     `json:"kind"` // read, write or mark
		At         float64    `json:"at"`   // since it was opened
		Took       float64    `json:"took,omitempty"`
		Received   int64      `json:"received,omitempty"`
		Sent       int64      `json:"sent,omitempty"`
		Operations int64      `json:"operations,omitempty"`
		Name       string     `json:"name,omitempty"`
		Trace      *jsonTrace `json:"trace,omitempty"`
	}
)

func (s *sheet) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(s.json())
}

func (s *sheet) json() jsonSheet {
	r := s.rates()
	j := jsonSheet{
		Version: jsonVersion, Time: s.at, Since: s.since, Down: s.over, State: s.state, Kept: s.kept, Matched: s.matched,
		Totals: jsonTotals{
			Open: s.totals.Open, Dialing: s.totals.Dialing, Ended: s.totals.Ended, Broken: s.totals.Broken, Failed: s.totals.Failed,
			Received: s.totals.Received, Sent: s.totals.Sent,
			ReceivedRate: r.value(r.received), SentRate: r.value(r.sent),
		},
		History: []jsonSample{},
	}
	for _, p := range s.samples() {
		j.History = append(j.History, jsonSample{p.to, p.open, p.failed, p.rates.received, p.rates.sent})
	}
	for _, i := range s.items {
		j.Conns = append(j.Conns, i.json())
	}
	for _, g := range s.groups {
		j.Groups = append(j.Groups, jsonGroup{g.name, g.count, g.states, g.idle, g.received, g.sent, g.rates.value(g.rates.received), g.rates.value(g.rates.sent)})
	}
	if s.detail != nil {
		j.Connected = s.detail.jsonDetail(s.names)
	}
	return j
}

// value is nil if it is not known.
func (r rates) value(v float64) *float64 {
	if !r.known {
		return nil
	}
	return &v
}

func (i *item) json() jsonItem {
	j := jsonItem{
		ID: i.id(), State: i.state(), Role: i.Role, Network: i.Network, Server: i.Server, Dialer: i.Name,
		Local: i.Local.String(), Peer: i.Remote.String(), Caller: i.Caller(),
		Opened: i.Opened, Age: i.age().Seconds(),
		Received: i.Received.Bytes, Sent: i.Sent.Bytes, Reads: i.Received.Operations, Writes: i.Sent.Operations,
		ReceivedRate: i.rates.value(i.rates.received), SentRate: i.rates.value(i.rates.sent),
		Marks: i.Marks, Mark: i.Mark, Error: i.error, Trace: traceJSON(i.Trace),
	}
	if i.conn == nil {
		j.Ended = &i.at
	} else {
		idle := i.idle().Seconds()
		j.Idle = &idle
	}
	switch {
	case i.ended != nil:
		j.ErrorType = i.ended.ErrorType
	case i.failed != nil:
		j.State, j.ErrorType = "failed", i.failed.ErrorType
	}
	if i.asked {
		rtt := i.tcp.RTT.Seconds()
		j.RTT, j.Resent = &rtt, &i.tcp.Retransmits
	}
	j.Setup, j.TLS = setupJSON(&i.Setup), tlsJSON(i.Setup.TLS)
	return j
}

func setupJSON(s *live.Setup) *jsonSetup {
	if s.Total == 0 && len(s.Steps) == 0 {
		return nil
	}
	j := &jsonSetup{Total: s.Total.Seconds()}
	for _, step := range s.Steps {
		j.Steps = append(j.Steps, jsonStep{step.Kind, step.Name, step.Start.Sub(s.Start).Seconds(), step.Took.Seconds(), step.Addresses, step.Error})
	}
	return j
}

func tlsJSON(t *live.TLS) *jsonTLS {
	if t == nil {
		return nil
	}
	j := &jsonTLS{Version: t.Version, Cipher: t.Cipher, Group: t.Group, Protocol: t.Protocol, Resumed: t.Resumed}
	if !t.Expires.IsZero() {
		j.Expires = &t.Expires
	}
	return j
}

func traceJSON(t live.Trace) *jsonTrace {
	if t.TraceID == "" {
		return nil
	}
	return &jsonTrace{t.TraceID, t.SpanID, t.Sampled}
}

func (i *item) jsonDetail(names bool) *jsonDetail {
	d := i.detail(names)
	j := &jsonDetail{jsonItem: i.json(), Stack: i.stack(), Part: d.Part, Left: d.Left}
	for _, e := range d.Events {
		j.Events = append(j.Events, jsonEvent{
			Kind: e.Kind, At: e.At.Sub(i.Opened).Seconds(), Took: e.Took.Seconds(),
			Received: e.Received, Sent: e.Sent, Operations: e.Operations, Name: e.Name, Trace: traceJSON(e.Trace),
		})
	}
	return j
}
