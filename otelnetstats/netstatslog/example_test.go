package netstatslog_test

import (
	"context"
	"fmt"
	"net"

	sdklog "go.opentelemetry.io/otel/sdk/log"

	"github.com/netstats-go/netstats/otelnetstats"
	"github.com/netstats-go/netstats/otelnetstats/netstatslog"
)

// A printer prints events, in place of exporting them.
type printer struct{ recorder }

func (*printer) OnEmit(_ context.Context, r *sdklog.Record) error {
	fmt.Println(r.Severity(), r.EventName())
	return nil
}

func ExampleWithLoggerProvider() {
	lp := sdklog.NewLoggerProvider(sdklog.WithProcessor(new(printer))) // with a batching exporter in practice
	tracker, err := otelnetstats.New(netstatslog.WithLoggerProvider(lp))
	if err != nil {
		fmt.Println(err)
	}
	dial := tracker.WrapDial(func(context.Context, string, string) (net.Conn, error) { return stub{}, nil })
	conn, err := dial(context.Background(), "tcp", "api.test:443")
	if err != nil {
		fmt.Println(err)
		return
	}
	otelnetstats.Mark(context.Background(), conn, "login done")
	conn.Close()
	// Output:
	// INFO netstats.connection.open
	// INFO netstats.connection.mark
	// INFO netstats.connection.close
}
