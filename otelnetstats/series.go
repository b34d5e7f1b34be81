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
	clientConnections = kind(connstat.Client)
	serverConnections = kind(connstat.Server)
	dials             = serverConnections + 1
)

// A seriesKey tells sets of attributes apart.
type seriesKey struct {
	kind        kind
	target      target
	networkType string
}

// A serverKey tells servers apart, for the cap on them.
type serverKey struct {
	address string
	port    int
}

// A series is one set of metric attributes, with what was counted under it. It
// is permanent: were it to vanish or start again, readers would count twice.
type series struct {
	key    seriesKey
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
		errorType = otherServer
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

	mu      sync.RWMutex // guards the maps; all is read without it
	series  map[seriesKey]*series
	servers map[serverKey]*[dials + 1]int // how many sets a server has, by kind

	all atomic.Pointer[[]*series] // appended to by copy, so that collecting waits for nobody
}

func newSeriesTable(cfg config) *seriesTable {
	t := &seriesTable{
		maxServers: cfg.maxServers,
		extra:      cfg.metricAttributes,
		series:     make(map[seriesKey]*series),
		servers:    make(map[serverKey]*[dials + 1]int),
	}
	t.all.Store(new([]*series))
	return t
}

// get returns the series for key, or the one for all that is past the cap.
func (t *seriesTable) get(key seriesKey) *series {
	t.mu.RLock()
	s := t.series[key]
	t.mu.RUnlock()
	if s != nil {
		return s
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.make(key)
}

// make makes a series, unless somebody was faster.
func (t *seriesTable) make(key seriesKey) *series {
	if s := t.series[key]; s != nil {
		return s // before it is counted against the server's budget again
	}
	name, fits := key.target.String, t.fits(key)
	if !fits {
		key = other(key)
		name = func() string { return key.target.transport }
	}
	if s := t.series[key]; s != nil {
		return s
	}
	s := newSeries(key, append(key.attributes(), t.extra...))
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

// fits counts a new set against its server's budget.
func (t *seriesTable) fits(key seriesKey) bool {
	server := serverKey{key.target.address, key.target.port}
	sets := t.servers[server]
	if sets == nil {
		if len(t.servers) >= t.maxServers {
			return false
		}
		sets = new([dials + 1]int)
		t.servers[server] = sets
	}
	if sets[key.kind] >= maxSetsPerServer {
		return false
	}
	sets[key.kind]++
	return true
}

// other is the key of all that is past the cap. It has few values, whatever the
// targets are.
func other(key seriesKey) seriesKey {
	transport := key.target.transport
	switch transport {
	case "tcp", "udp", "unix", "pipe":
	default:
		transport = otherServer
	}
	return seriesKey{kind: key.kind, networkType: key.networkType, target: target{transport: transport, address: otherServer}}
}
