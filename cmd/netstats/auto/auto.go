package auto

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/netstats-go/netstats/internal/bridge"
	"github.com/netstats-go/netstats/otelnetstats"
)

// endLimit bounds how long the end of the program waits for exporters.
const endLimit = 5 * time.Second

// Exporters make what the environment asks for. With an error come providers
// that work without what failed.
type Exporters func(context.Context) (*Providers, error)

// Providers are where a program's telemetry goes. They are not the global ones.
// What fails at the end, Shutdown says itself.
type Providers struct {
	Tracers  trace.TracerProvider
	Meters   metric.MeterProvider
	Shutdown func(context.Context)
	// Complain says what else failed; what was said already it does not repeat.
	Complain func(error)
}

// Start has the program show its connections, in an ordinary build nothing. It is
// called once, by the package that is imported for that. Nil exporters are of a
// program that has none.
func Start(exporters Exporters) {
	if errors.Is(bridge.Check(), bridge.ErrStock) {
		return
	}
	s, err := settingsFromEnvironment()
	if s.disabled {
		return
	}
	if exporters == nil && s.exporter != "" {
		err = errors.Join(err, fmt.Errorf("%s is set, but this program was built without exporters: build it with -exporters=otlp or all", s.exporter))
		s.export, s.summary = false, cmp.Or(s.summary, asTable)
	}
	if err := errors.Join(err, start(s, exporters)); err != nil {
		Complain(err)
	}
}

// start begins to capture. With an error, what works does.
func start(s settings, exporters Exporters) error {
	if !s.export && s.summary == noSummary {
		return nil
	}
	p, err := providersFor(s, exporters)
	options := []otelnetstats.Option{
		otelnetstats.WithTracerProvider(p.Tracers),
		otelnetstats.WithMeterProvider(p.Meters),
		otelnetstats.WithCaller(),
		otelnetstats.WithAccepted(),
	}
	var sum *summary
	if s.summary != noSummary {
		sum = newSummary()
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

// providersFor returns ones that do nothing where nothing is to be exported.
func providersFor(s settings, exporters Exporters) (*Providers, error) {
	if !s.export || exporters == nil {
		return &Providers{
			Tracers:  tracenoop.NewTracerProvider(),
			Meters:   metricnoop.NewMeterProvider(),
			Shutdown: func(context.Context) {},
			Complain: Complain,
		}, nil
	}
	return exporters(otelnetstats.ContextWithoutTracking(context.Background()))
}

// An ending is what is to be done at the end of the program.
type ending struct {
	tracker   *otelnetstats.Tracker
	providers *Providers
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
			Complain(fmt.Errorf("panic at the end: %v", v))
		}
	}()
	if e.summary != nil {
		e.summary.report(time.Now()).write(os.Stderr, e.form)
	}
	if err := e.tracker.Shutdown(ctx); err != nil {
		e.providers.Complain(err)
	}
	e.providers.Shutdown(ctx)
}
