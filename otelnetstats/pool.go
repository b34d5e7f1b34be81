package otelnetstats

import (
	"sync/atomic"

	"go.opentelemetry.io/otel/metric"
)

// A pool is what metrics say of the connections that [Transport]s have to one server.
// It is there if the series is that of a pool.
type pool struct {
	open, active atomic.Int64 // connections: all, and those that have requests
	waiting      atomic.Int64 // requests that want a connection
	first, again atomic.Int64 // requests that got one: as its first one, and as a later one

	observeActive, observeIdle, observeFirst, observeAgain []metric.ObserveOption
}

func newPool(s *attributeSet) *pool {
	return &pool{
		observeActive: []metric.ObserveOption{metric.WithAttributeSet(s.plus(stateActive))},
		observeIdle:   []metric.ObserveOption{metric.WithAttributeSet(s.plus(stateIdle))},
		observeFirst:  []metric.ObserveOption{metric.WithAttributeSet(s.plus(keyReused.Bool(false)))},
		observeAgain:  []metric.ObserveOption{metric.WithAttributeSet(s.plus(keyReused.Bool(true)))},
	}
}

// got counts a request that got a connection.
func (p *pool) got(again bool) {
	if again {
		p.again.Add(1)
	} else {
		p.first.Add(1)
	}
}
