package otelnetstats

import (
	"slices"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/netstats-go/netstats/internal/connstat"
)

// maxSetsPerServer bounds what one server can cost: a set differs from the
// server's others in transport, network type or dialer name.
const maxSetsPerServer = 4

// kind says which instruments a series belongs to.
type kind uint8

const (
	clientConnections kind = iota
	serverConnections
	dials
	pools // of HTTP connections

	kinds = iota // how many there are
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

// A server is one that metrics name.
type server struct {
	admitted
	sets [kinds]int // how many sets it has, by kind
}

// A series is one set of metric attributes, with what was counted under it. It
// is permanent: were it to vanish or start again, readers would count twice.
type series struct {
	attributeSet
	key    seriesKey
	server *server // nil for those past a cap

	totals      connstat.Totals
	active      atomic.Int64 // dials under way
	retransmits atomic.Int64 // segments sent again, as far as the kernel was asked
	packet      atomic.Bool  // packet connections were seen
	tcp         atomic.Bool  // the kernel was asked about a connection

	pool *pool // nil unless it is that of a pool

	spanName string
	attrs    []attribute.KeyValue // of key

	observe, observeReceive, observeTransmit []metric.ObserveOption

	observeClosed [len(reasons)]atomic.Pointer[[]metric.ObserveOption] // by reason, once one has ended so
	closedRoom    *room
}

func newSeries(key seriesKey, extra []attribute.KeyValue) *series {
	s := &series{key: key, attrs: key.attributes()}
	s.init(slices.Concat(s.attrs, extra))
	if key.kind == pools {
		s.pool = newPool(&s.attributeSet)
	}
	s.observe = []metric.ObserveOption{metric.WithAttributeSet(s.set)}
	s.observeReceive = []metric.ObserveOption{metric.WithAttributeSet(s.plus(directionReceive))}
	s.observeTransmit = []metric.ObserveOption{metric.WithAttributeSet(s.plus(directionTransmit))}
	return s
}

// closedWith is what the number of connections is observed with that ended for a
// reason: nil if there is no room for one more set.
func (s *series) closedWith(reason connstat.Reason) []metric.ObserveOption {
	if opts := s.observeClosed[reason].Load(); opts != nil {
		return *opts
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if opts := s.observeClosed[reason].Load(); opts != nil {
		return *opts
	}
	if !s.closedRoom.take() {
		return nil
	}
	opts := []metric.ObserveOption{metric.WithAttributeSet(s.plus(keyCloseReason.String(string(reasons[reason]))))}
	s.observeClosed[reason].Store(&opts)
	return opts
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

// seriesTable finds the series of a connection or dial, within the cap on
// servers. It is safe for concurrent use.
type seriesTable struct {
	extra   []attribute.KeyValue   // the user's
	observe []metric.ObserveOption // of them alone

	mu      sync.RWMutex // guards what follows; all is read without it
	series  map[seriesKey]*series
	servers map[serverKey]*server
	budget  budget       // of servers
	rooms   [kinds]rooms // by kind

	all atomic.Pointer[[]*series] // appended to by copy, so that collecting waits for nobody
}

func newSeriesTable(cfg config) *seriesTable {
	t := &seriesTable{
		extra:   cfg.metricAttributes,
		observe: []metric.ObserveOption{metric.WithAttributes(cfg.metricAttributes...)},
		series:  make(map[seriesKey]*series),
		servers: make(map[serverKey]*server),
		budget:  budget{max: cfg.maxServers},
	}
	for k := range t.rooms {
		t.rooms[k] = newRooms(cfg.maxServers)
	}
	t.all.Store(new([]*series))
	return t
}

// get returns the series for key, or the one for all that is past a cap. If the
// key is that of dials, the server need not have answered.
func (t *seriesTable) get(key seriesKey) *series { return t.find(key, key.kind < dials) }

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
			t.budget.answer(&s.server.admitted)
		}
		return s // before it is counted against the server's budget again
	}
	server := t.fit(key, answered)
	if server == nil {
		return t.addPast(key)
	}
	s := newSeries(key, t.extra)
	s.server = server
	s.spanName = spanKinds[key.kind] + key.target.String()
	s.room, s.closedRoom = t.rooms[key.kind].extended, t.rooms[key.kind].closed
	s.past = func() *attributeSet { return &t.past(key).attributeSet }
	return t.put(s)
}

// past returns the series for all of a kind that is past a cap.
func (t *seriesTable) past(key seriesKey) *series {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.addPast(key)
}

// addPast does what past does. The caller holds the lock.
func (t *seriesTable) addPast(key seriesKey) *series {
	key = other(key)
	if s := t.series[key]; s != nil {
		return s
	}
	s := newSeries(key, t.extra)
	s.spanName = spanKinds[key.kind] + key.target.transport
	return t.put(s)
}

// put makes a new series known. The caller holds the lock.
func (t *seriesTable) put(s *series) *series {
	t.series[s.key] = s
	all := *t.all.Load()
	all = append(slices.Clip(all), s)
	t.all.Store(&all)
	return s
}

// spanKinds are what the names of spans begin with.
var spanKinds = [...]string{clientConnections: "connection ", serverConnections: "connection ", dials: "dial ", pools: ""}

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
		s = new(server)
		if !t.budget.admit(&s.admitted, answered) {
			return nil
		}
		t.servers[name] = s
	} else if answered {
		t.budget.answer(&s.admitted)
	}
	if s.sets[key.kind] >= maxSetsPerServer || !t.rooms[key.kind].sets.take() {
		return nil
	}
	s.sets[key.kind]++
	return s
}

// other is the key of all that is past the cap. It has few values, whatever the
// targets are.
func other(key seriesKey) seriesKey {
	transport := key.target.transport
	switch transport {
	case "tcp", "udp", "unix", "pipe", "":
	default:
		transport = otherValue
	}
	return seriesKey{kind: key.kind, networkType: key.networkType, target: target{transport: transport, address: otherValue}}
}
