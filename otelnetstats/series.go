package otelnetstats

import (
	"slices"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/netstats-go/netstats/internal/connstat"
)

const (
	// maxSetsPerServer bounds what one server can cost: a set differs from the
	// server's others in transport, network type or dialer name.
	maxSetsPerServer = 4
	// maxErrorTypes bounds the values of error.type in one set.
	maxErrorTypes = 32
)

// kind says which instruments a series belongs to.
type kind uint8

const (
	clientConnections kind = iota
	serverConnections
	dials
)

// connectionsOf is the kind of a role's connections.
func connectionsOf(role connstat.Role) kind {
	if role == connstat.Server {
		return serverConnections
	}
	return clientConnections
}

// A seriesKey tells sets of attributes apart.
type seriesKey struct {
	kind        kind
	target      target
	networkType string
}

// A serverKey tells servers apart, for the caps on them.
type serverKey struct {
	address string
	port    int
}

// A server is one that metrics name. One that has never answered, so that only
// dials know of it, does not count against the cap on servers: names that do not
// exist are often a stranger's choice, and would use it up. It counts against a
// smaller cap, until it answers.
type server struct {
	settled atomic.Bool    // it has answered, and counts for what it will count for ever
	sets    [dials + 1]int // how many sets it has, by kind
}

// A series is one set of metric attributes, with what was counted under it. It
// is permanent: were it to vanish or start again, readers would count twice.
type series struct {
	key    seriesKey
	server *server // nil for those past a cap
	totals connstat.Totals
	active atomic.Int64 // dials under way
	packet atomic.Bool  // packet connections were seen

	spanName string
	attrs    []attribute.KeyValue // of key

	// Options are made once: an attribute set is costly to make.
	observe, observeReceive, observeTransmit []metric.ObserveOption

	set    attribute.Set
	record []metric.RecordOption
	add    []metric.AddOption
	mu     sync.Mutex // guards errors
	errors map[string]attribute.Set
}

func newSeries(key seriesKey, attrs []attribute.KeyValue) *series {
	set := attribute.NewSet(attrs...)
	direction := func(d attribute.KeyValue) []metric.ObserveOption {
		with := append(slices.Clip(attrs), d)
		return []metric.ObserveOption{metric.WithAttributeSet(attribute.NewSet(with...))}
	}
	return &series{
		key:             key,
		set:             set,
		observe:         []metric.ObserveOption{metric.WithAttributeSet(set)},
		observeReceive:  direction(directionReceive),
		observeTransmit: direction(directionTransmit),
		record:          []metric.RecordOption{metric.WithAttributeSet(set)},
		add:             []metric.AddOption{metric.WithAttributeSet(set)},
	}
}

// spanAttributes are those that a span of the series has from the start, if it is
// of the given target. They must not be changed.
func (s *series) spanAttributes(to target) []attribute.KeyValue {
	if s.key.target == to {
		return s.attrs
	}
	key := seriesKey{target: to, networkType: s.key.networkType} // s is for all past the cap
	return key.attributes()
}

// failure is the set with error.type added.
func (s *series) failure(errorType string) attribute.Set {
	s.mu.Lock()
	defer s.mu.Unlock()
	if set, ok := s.errors[errorType]; ok {
		return set
	}
	if len(s.errors) >= maxErrorTypes {
		errorType = otherValue
	}
	set := attribute.NewSet(append(s.set.ToSlice(), keyErrorType.String(errorType))...)
	if s.errors == nil {
		s.errors = make(map[string]attribute.Set)
	}
	s.errors[errorType] = set
	return set
}

// seriesTable finds the series of a connection or dial, within the cap on
// servers. It is safe for concurrent use.
type seriesTable struct {
	maxServers int
	extra      []attribute.KeyValue // the user's

	mu         sync.RWMutex // guards the maps and what follows; all is read without it
	series     map[seriesKey]*series
	servers    map[serverKey]*server
	answered   int // how many of them have
	unanswered int // how many have not

	all atomic.Pointer[[]*series] // appended to by copy, so that collecting waits for nobody
}

func newSeriesTable(cfg config) *seriesTable {
	t := &seriesTable{
		maxServers: cfg.maxServers,
		extra:      cfg.metricAttributes,
		series:     make(map[seriesKey]*series),
		servers:    make(map[serverKey]*server),
	}
	t.all.Store(new([]*series))
	return t
}

// get returns the series for key, or the one for all that is past a cap. If the
// key is that of dials, the server need not have answered.
func (t *seriesTable) get(key seriesKey) *series { return t.find(key, key.kind != dials) }

// answeredDial returns the series for a dial that succeeded and began with s.
func (t *seriesTable) answeredDial(s *series, to target) *series {
	if s.server != nil && s.server.settled.Load() {
		return s
	}
	return t.find(seriesKey{kind: dials, target: to}, true)
}

func (t *seriesTable) find(key seriesKey, answered bool) *series {
	t.mu.RLock()
	s := t.series[key]
	t.mu.RUnlock()
	if s != nil && (!answered || s.server == nil || s.server.settled.Load()) {
		return s
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.add(key, answered)
}

// add makes a series, unless it is there. The caller holds the lock.
func (t *seriesTable) add(key seriesKey, answered bool) *series {
	if s := t.series[key]; s != nil {
		if s.server != nil && answered {
			t.answer(s.server)
		}
		return s // before it is counted against the server's budget again
	}
	name := key.target.String
	server := t.fit(key, answered)
	if server == nil {
		key = other(key)
		name = func() string { return key.target.transport }
	}
	if s := t.series[key]; s != nil {
		return s
	}
	s := newSeries(key, append(key.attributes(), t.extra...))
	s.server = server
	s.spanName = spanKinds[key.kind] + name()
	s.attrs = key.attributes()
	t.series[key] = s
	all := *t.all.Load()
	all = append(slices.Clip(all), s)
	t.all.Store(&all)
	return s
}

// spanKinds are what the names of spans begin with.
var spanKinds = [...]string{clientConnections: "connection ", serverConnections: "connection ", dials: "dial "}

// attributes are what telemetry of a series says: metrics of one below the cap
// on servers, and spans of any.
func (k seriesKey) attributes() []attribute.KeyValue {
	attrs := targetAttributes(k.target)
	if k.networkType != "" {
		attrs = append(attrs, keyNetworkType.String(k.networkType))
	}
	return attrs
}

// fit counts a new set against the budget of its server, which it returns; nil if
// there is no room for the set or for the server.
func (t *seriesTable) fit(key seriesKey, answered bool) *server {
	if key.target.cut {
		return nil // no server has such a name
	}
	name := serverKey{key.target.address, key.target.port}
	s := t.servers[name]
	if s == nil {
		if s = t.admit(answered); s == nil {
			return nil
		}
		t.servers[name] = s
	}
	if answered {
		t.answer(s)
	}
	if s.sets[key.kind] >= maxSetsPerServer {
		return nil
	}
	s.sets[key.kind]++
	return s
}

// admit returns a new server, nil if there are too many.
func (t *seriesTable) admit(answered bool) *server {
	s := new(server)
	switch {
	case answered && t.answered < t.maxServers:
		t.answered++
		s.settled.Store(true)
	case !answered && t.answered < t.maxServers && t.unanswered < t.maxUnanswered():
		t.unanswered++
	default:
		return nil
	}
	return s
}

// maxUnanswered is the cap on servers that have never answered.
func (t *seriesTable) maxUnanswered() int { return (t.maxServers + 3) / 4 }

// answer notes that a server answered. Past the cap it goes on counting as one
// that has not: its sets are there.
func (t *seriesTable) answer(s *server) {
	if s.settled.Swap(true) || t.answered >= t.maxServers {
		return
	}
	t.answered++
	t.unanswered--
}

// other is the key of all that is past the cap. It has few values, whatever the
// targets are.
func other(key seriesKey) seriesKey {
	transport := key.target.transport
	switch transport {
	case "tcp", "udp", "unix", "pipe":
	default:
		transport = otherValue
	}
	return seriesKey{kind: key.kind, networkType: key.networkType, target: target{transport: transport, address: otherValue}}
}
