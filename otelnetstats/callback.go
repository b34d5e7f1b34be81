package otelnetstats

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel"
)

// A Callback is told of the steps in a connection's life: Open before anything
// is read or written, each Mark, and Close right before the connection is
// closed, while its numbers can be asked for. DialError is called for a dial
// that failed.
//
// The calls come from the goroutine that opens, marks or closes, with no lock
// held: a Callback may ask for numbers, mark, dial and close. One connection's
// calls can overlap if the program's own calls do. Of connections that were
// dropped, and of those that [Tracker.Shutdown] ends, a goroutine of the Tracker
// tells.
//
// A panic is recovered and handed to [otel.Handle]; the connection goes on. So
// does it after a runtime.Goexit, as t.FailNow has one, but the goroutine ends:
// then a connection whose Open was called is closed, as nobody will get it, and
// one whose Close was called is closed as well. A slow Callback delays the call
// that it is told of, nothing else. If it does not return from a dropped
// connection's Close, up to 4,096 others wait to be told, and more are not.
//
// No ctx is ever cancelled. DialError and Mark get their caller's values; Open
// gets its caller's values and the connection's span; Close a background
// context with the connection's span.
//
// An implementation embeds [NopCallback]: methods may be added to the interface.
type Callback interface {
	// Open is called once, before the dial function, Register or Accept returns.
	Open(ctx context.Context, c *Conn)
	// Mark is called for each mark, after it was made.
	Mark(ctx context.Context, c *Conn, lap Lap)
	// Close is called once: before the connection is closed, or when it is found
	// to have been dropped, or when its Tracker is shut down.
	Close(ctx context.Context, c *Conn)
	// DialError is called with the error that the dialer's caller gets. ctx has
	// the caller's values.
	DialError(ctx context.Context, network, address string, err error)

	sealed()
}

// An IOCallback is a [Callback] that is also told of each read and write that
// moved bytes, after it was counted, in the goroutine that reads or writes.
// Whether a callback is an IOCallback is found out once, by [WithCallback]; one
// that is not costs a read or a write nothing.
//
// A call such as ReadFrom that moves many bytes is told of in parts. Bytes that
// net.Buffers sends by writev are told of at the next mark, or before close;
// those of a writev that is still under way at close are not told of, while
// metrics and [StatsOf] have them.
type IOCallback interface {
	Callback
	// Read is called after n bytes were received.
	Read(ctx context.Context, c *Conn, n int)
	// Write is called after n bytes were sent.
	Write(ctx context.Context, c *Conn, n int)
}

// NopCallback is a [Callback] that does nothing. It is not an [IOCallback].
type NopCallback struct{}

var _ Callback = NopCallback{}

// Open does nothing.
func (NopCallback) Open(context.Context, *Conn) {}

// Mark does nothing.
func (NopCallback) Mark(context.Context, *Conn, Lap) {}

// Close does nothing.
func (NopCallback) Close(context.Context, *Conn) {}

// DialError does nothing.
func (NopCallback) DialError(context.Context, string, string, error) {}

func (NopCallback) sealed() {}

// callbacks are a Tracker's, in the order given.
type callbacks struct {
	all []Callback
	io  []IOCallback
}

func (cs callbacks) open(ctx context.Context, c *Conn) {
	for _, cb := range cs.all {
		guard("callback Open", func() { cb.Open(ctx, c) })
	}
}

func (cs callbacks) mark(ctx context.Context, c *Conn, lap Lap) {
	for _, cb := range cs.all {
		guard("callback Mark", func() { cb.Mark(ctx, c, lap) })
	}
}

func (cs callbacks) close(ctx context.Context, c *Conn) {
	for _, cb := range cs.all {
		guard("callback Close", func() { cb.Close(ctx, c) })
	}
}

func (cs callbacks) dialError(ctx context.Context, network, address string, err error) {
	for _, cb := range cs.all {
		guard("callback DialError", func() { cb.DialError(ctx, network, address, err) })
	}
}

func (cs callbacks) read(ctx context.Context, c *Conn, n int) {
	for _, cb := range cs.io {
		guard("callback Read", func() { cb.Read(ctx, c, n) })
	}
}

func (cs callbacks) write(ctx context.Context, c *Conn, n int) {
	for _, cb := range cs.io {
		guard("callback Write", func() { cb.Write(ctx, c, n) })
	}
}

// guard calls the user's code. A panic does not get into the watched program. A
// runtime.Goexit cannot be stopped; callers must leave everything in order when
// guard does not return.
func guard(what string, call func()) {
	returned := false
	defer func() {
		if v := recover(); v != nil {
			otel.Handle(fmt.Errorf("otelnetstats: %s: panic: %s", what, clean(fmt.Sprint(v), maxText)))
		} else if !returned {
			otel.Handle(fmt.Errorf("otelnetstats: %s: it ended its goroutine by runtime.Goexit", what))
		}
	}()
	call()
	returned = true
}
