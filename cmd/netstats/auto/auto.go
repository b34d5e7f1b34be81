package auto

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/netstats-go/netstats/internal/bridge"
	"github.com/netstats-go/netstats/otelnetstats"
)

// endLimit bounds how long the end of the program waits for exporters.
const endLimit = 5 * time.Second

// The package is imported for what this does: there is no other place to do it.
func init() {
	if errors.Is(bridge.Check(), bridge.ErrStock) {
		return
	}
	s, err := settingsFromEnvironment()
	if s.disabled {
		return
	}
	if err := errors.Join(err, start(s)); err != nil {
		complain(err)
	}
}

// start begins to capture. With an error, what works does.
func start(s settings) error {
	if !s.export && s.summary == noSummary {
		return nil
	}
	var sum *summary
	if s.summary != noSummary {
		sum = newSummary()
	}
	p, err := newProviders(s)
	options := []otelnetstats.Option{
		otelnetstats.WithTracerProvider(p.tracers),
		otelnetstats.WithMeterProvider(p.meters),
		otelnetstats.WithCaller(),
	}
	if sum != nil {
		options = append(options, otelnetstats.WithCallback(sum))
	}
	tracker, trackerErr := otelnetstats.New(options...)
	if _, captureErr := tracker.Capture(); captureErr != nil {
		return errors.Join(err, captureErr)
	}
	e := &ending{tracker: tracker, providers: p, summary: sum, form: s.summary}
	bridge.AtExit(e.run)
	onPanic = e.run
	endBySignal(e.run)
	return errors.Join(err, trackerErr)
}

// An ending is what is to be done at the end of the program.
type ending struct {
	tracker   *otelnetstats.Tracker
	providers *providers
	summary   *summary
	form      form
	once      sync.Once
}

// run does it, once. The work is done by another goroutine, since it may call
// code that ends the program: an error handler that is log.Fatal, say.
func (e *ending) run() {
	e.once.Do(func() {
		ctx, cancel := context.WithTimeout(otelnetstats.ContextWithoutTracking(context.Background()), endLimit)
		defer cancel()
		done := make(chan struct{})
		go func() {
			defer close(done)
			e.finish(ctx)
		}()
		select {
		case <-done:
		case <-ctx.Done():
		}
	})
}

// finish writes the summary first: it depends on nobody.
func (e *ending) finish(ctx context.Context) {
	defer func() {
		if v := recover(); v != nil {
			complain(fmt.Errorf("panic at the end: %v", v))
		}
	}()
	if e.summary != nil {
		e.summary.report(time.Now()).write(os.Stderr, e.form)
	}
	err := e.tracker.Shutdown(ctx)
	if err = errors.Join(err, e.providers.shutdown(ctx)); err != nil {
		complain(err)
	}
}
