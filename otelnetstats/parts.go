package otelnetstats

import (
	"context"
	"sync"
	"time"
	"weak"

	"go.opentelemetry.io/otel/trace"

	"github.com/netstats-go/netstats/internal/connstat"
)

const (
	// firstPart is how long the first part of a connection's life is at most: with
	// the five seconds that the SDK's batch processor waits by default, backends have
	// its span within a minute.
	firstPart = 55 * time.Second
	// defaultPart is how long the others are, unless set.
	defaultPart = 10 * time.Minute
	// maxPart is for ever, and leaves room for adding to it.
	maxPart = 1 << 61
	// partsChunk is how many spans end at a time, and partsPause how long the next
	// ones wait: the queue of the SDK's batch processor holds 2,048 and drops the
	// rest.
	partsChunk = 256
	partsPause = 100 * time.Millisecond
)

// parts knows when the spans of connections are to end for others to follow. It is
// safe for concurrent use. A nil parts is that of a Tracker whose spans last as long
// as their connections.
//
// There is one timer, made by [New], that goes on by making the next one. It is never
// touched from elsewhere: it may belong to a bubble of testing/synctest.
type parts struct {
	made  time.Time
	first time.Duration // of each connection
	later time.Duration

	ending sync.Mutex // held while parts are ended

	mu    sync.Mutex // guards the lists and the places in them
	young places     // connections in their first part
	old   places     // the others
}

// A place is that of a connection among others, in order of when its part ends.
type place struct {
	list       *places // nil if it is in none
	prev, next *Conn
	due        time.Duration // since the parts were made
}

// places is a list. New ones are the last: all its parts are of one length.
type places struct{ first, last *Conn }

// newParts returns the parts of a Tracker, and starts its timer.
func newParts(t *Tracker) *parts {
	age := t.cfg.maxSpanAge
	if age == 0 || t.cfg.connectionSpan != ConnectionSpanLinked {
		return nil
	}
	p := &parts{made: connstat.Now(), first: min(age, firstPart), later: min(age, maxPart)}
	p.endDueAfter(p.first/2, weak.Make(t))
	return p
}

// endDueAfter has parts end that are due by then, and so on, as long as there is a
// Tracker.
func (p *parts) endDueAfter(wait time.Duration, tracker weak.Pointer[Tracker]) {
	time.AfterFunc(wait, func() {
		if t := tracker.Value(); t == nil || t.down.Load() {
			return
		}
		wait := p.first
		defer func() { p.endDueAfter(wait, tracker) }() // also if an SDK ends the goroutine
		wait = p.endDue()
	})
}

// endDue ends parts that are due, and returns when to come again.
func (p *parts) endDue() time.Duration {
	due, wait := p.take(connstat.Since(p.made))
	p.ending.Lock()
	defer p.ending.Unlock()
	for _, c := range due {
		guard("the TracerProvider", c.nextPart)
	}
	return wait
}

// ended returns a channel that is closed when no part is being ended by endDue.
func (p *parts) ended() <-chan struct{} {
	done := make(chan struct{})
	if p == nil || p.ending.TryLock() {
		if p != nil {
			p.ending.Unlock()
		}
		close(done)
		return done
	}
	go func() {
		p.ending.Lock()
		p.ending.Unlock() //nolint:staticcheck // to have waited is all
		close(done)
	}()
	return done
}

// take returns connections whose parts are to end now, and the time until there may
// be more. They are due again after another part.
func (p *parts) take(now time.Duration) (due []*Conn, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, list := range []*places{&p.young, &p.old} {
		for c := list.first; c != nil && c.journal.place.due <= now && len(due) < partsChunk; c = list.first {
			list.remove(c)
			if !c.rec.Ended() { // else it has no part to come, whoever forgot to say so
				due = append(due, c)
			}
		}
	}
	for _, c := range due { // when all were taken, so that each is once
		p.old.push(c, now+p.later)
	}
	if len(due) == partsChunk {
		return due, partsPause
	}
	wait = p.first / 2
	for _, list := range []*places{&p.young, &p.old} {
		if c := list.first; c != nil {
			wait = min(wait, c.journal.place.due-now)
		}
	}
	return due, max(wait, min(partsPause, p.first/10), time.Millisecond)
}

// add has the connection's life be told in parts, if its span is recording.
func (p *parts) add(c *Conn) {
	if p == nil || c.journal == nil {
		return
	}
	opened := c.rec.Opened.Sub(p.made)
	if opened < 0 || opened > connstat.Since(p.made) {
		return // by the clock of a bubble that the other one is not in
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !c.rec.Ended() { // else remove has been
		p.young.push(c, opened+p.first)
	}
}

// remove ends that.
func (p *parts) remove(c *Conn) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if list := c.journal.place.list; list != nil {
		list.remove(c)
	}
}

func (l *places) push(c *Conn, due time.Duration) {
	c.journal.place = place{list: l, prev: l.last, due: due}
	if l.last == nil {
		l.first = c
	} else {
		l.last.journal.place.next = c
	}
	l.last = c
}

func (l *places) remove(c *Conn) {
	at := c.journal.place
	if at.prev == nil {
		l.first = at.next
	} else {
		at.prev.journal.place.next = at.next
	}
	if at.next == nil {
		l.last = at.prev
	} else {
		at.next.journal.place.prev = at.prev
	}
	c.journal.place = place{}
}

// nextPart ends the span of the connection's live part and goes on in another one,
// a child of the first.
func (c *Conn) nextPart() {
	if c.rec.Ended() || c.tracker.down.Load() {
		return
	}
	c.noteTCP(c.rec.Ask())
	later := c.startLaterSpan()
	if ended, ok := c.journal.split(c.history.Load(), later); ok {
		c.endPart(&ended, false)
	}
}

func (c *Conn) startLaterSpan() *laterSpan {
	o := c.opening()
	room := startRooms.Get().(*startRoom)
	defer startRooms.Put(room)
	attrs := append(room.attrs[:0], keyConnectionPart.Int(c.journal.partNumber()+1))
	room.attrs = c.tracker.appendConnectionAttributes(attrs, o, c.rec.ID)
	ctx := trace.ContextWithSpanContext(context.Background(), c.span.SpanContext())
	ctx, span := c.tracker.tracer.Start(ctx, c.series.spanName, append(room.opts[:0],
		// By the clock that the part's end is told by, also when the other one was set.
		trace.WithTimestamp(c.rec.Opened.Add(connstat.Since(c.rec.Opened))),
		trace.WithAttributes(room.attrs...))...)
	return &laterSpan{span, ctx}
}

// opening is what the connection began with, as far as spans say it.
func (c *Conn) opening() opening {
	return opening{role: c.rec.Role, target: c.target(), series: c.series, local: c.rec.Local, remote: c.rec.Remote, origin: c.origin}
}

// target is what the connection leads to. The series knows it, but for one past a
// cap.
func (c *Conn) target() target {
	switch {
	case c.series.server != nil:
		return c.series.key.target
	case c.journal != nil:
		return *c.journal.target
	}
	return newTarget(c.Network(), c.Address(), "")
}
