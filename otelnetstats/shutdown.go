package otelnetstats

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/netstats-go/netstats/internal/connstat"
)

const (
	// shutdownChunk is how many spans end between two flushes: the batch size of
	// the SDK's default processor, whose queue holds 2,048 and drops the rest.
	shutdownChunk = 512
	// shutdownPause is waited between chunks where nothing can be flushed and ctx
	// sets no time limit.
	shutdownPause = 50 * time.Millisecond
	// closingLimit is how long connections are waited for that others are closing.
	closingLimit = time.Second
)

// Shutdown ends the Tracker's work: a capture is released, open connections'
// spans end with the reason "shutdown" and their Close callbacks are called,
// and the metric callback is stopped after a last flush. Call it before the
// providers' own Shutdown.
//
// Connections stay open, and [StatsOf], [Mark] and [Reset] go on working with
// them; nothing more is exported of them, and what is opened afterwards is not
// tracked.
//
// Spans end in chunks with a ForceFlush between them, so that a batch
// processor's queue does not overflow. Where the TracerProvider has no
// ForceFlush, or it fails, Shutdown goes on at the pace that ctx allows, and
// returns an error that says how many spans may be lost. When ctx is done,
// Shutdown does not wait for a Close callback that does not return. A second call
// does nothing. A nil ctx is a background context.
func (t *Tracker) Shutdown(ctx context.Context) error {
	if t.zero() || !t.down.CompareAndSwap(false, true) {
		return nil
	}
	if ctx == nil {
		ctx = context.Background()
	}
	t.capture.Load().Release()
	err := t.endSpans(ctx)
	return errors.Join(err, t.stopMetrics(ctx))
}

// flusher is what an SDK's provider has.
type flusher interface {
	ForceFlush(ctx context.Context) error
}

func (t *Tracker) endSpans(ctx context.Context) error {
	records, empty := t.open.Close()
	flush, canFlush := t.cfg.tracers().(flusher)
	var atRisk int
	var errs []error
	for len(records) > 0 {
		chunk := records[:min(shutdownChunk, len(records))]
		recording, err := endAll(ctx, chunk)
		if err != nil {
			return fmt.Errorf("otelnetstats: shutdown: of %d open connections: %w", len(records), err)
		}
		records = records[len(chunk):]
		switch {
		case recording == 0:
		case !canFlush:
			atRisk += recording
			restBetween(ctx, len(records))
		default:
			if err := flush.ForceFlush(ctx); err != nil {
				atRisk += recording
				errs = append(errs[:0], err) // the last one tells as much as all
			}
		}
	}
	await(ctx, empty)
	await(ctx, t.parts.ended())
	if atRisk == 0 {
		return nil
	}
	if !canFlush {
		errs = append(errs, errors.New("the TracerProvider has no ForceFlush"))
	}
	return fmt.Errorf("otelnetstats: shutdown: %d connection spans were ended and may be lost: %w", atRisk, errors.Join(errs...))
}

// await waits for what others are ending, connections or parts of them, so that the
// provider's Shutdown does not come before the end of their spans. A Close callback
// that calls Shutdown would wait for itself: it does so for closingLimit.
func await(ctx context.Context, done <-chan struct{}) {
	timer := time.NewTimer(closingLimit)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	case <-ctx.Done():
	}
}

var errStuck = errors.New("not all were ended, as a Close callback did not return")

// endAll ends connections and returns how many of their spans were recording. It
// fails if ctx is done and nothing goes on.
func endAll(ctx context.Context, records []*connstat.Record) (recording int, err error) {
	ended := make(chan bool, len(records))
	next := 0
	connstat.InTurn(func() (rec *connstat.Record, ok bool) {
		if next == len(records) {
			return nil, false
		}
		next++
		return records[next-1], true
	}, func(rec *connstat.Record) {
		recording := connOf(rec).journal != nil && !rec.Ended()
		defer func() { ended <- recording }() // also if a callback ends the goroutine
		rec.End(connstat.Shutdown)
	})
	for range records {
		one, ok := receive(ctx, ended)
		if !ok {
			return recording, errStuck
		}
		if one {
			recording++
		}
	}
	return recording, nil
}

// receive waits for c; when ctx is done, not for long.
func receive[T any](ctx context.Context, c <-chan T) (v T, ok bool) {
	select {
	case v = <-c:
		return v, true
	case <-ctx.Done():
	}
	timer := time.NewTimer(closingLimit)
	defer timer.Stop()
	select {
	case v = <-c:
		return v, true
	case <-timer.C:
		return v, false
	}
}

// restBetween waits between chunks: a part of the time that ctx leaves.
func restBetween(ctx context.Context, left int) {
	if left == 0 {
		return
	}
	wait := shutdownPause
	if deadline, ok := ctx.Deadline(); ok {
		chunks := (left + shutdownChunk - 1) / shutdownChunk
		wait = min(wait, deadline.Sub(connstat.Now())/time.Duration(chunks+1))
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// stopMetrics exports what is not yet exported and ends the metric callback.
func (t *Tracker) stopMetrics(ctx context.Context) error {
	var err error
	if flush, ok := t.cfg.meters().(flusher); ok {
		err = flush.ForceFlush(ctx)
	}
	if r := t.in.registration; r != nil {
		err = errors.Join(err, r.Unregister())
	}
	if err != nil {
		return fmt.Errorf("otelnetstats: shutdown: metrics: %w", err)
	}
	return nil
}
