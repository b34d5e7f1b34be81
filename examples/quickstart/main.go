// Command quickstart fetches URLs through a tracked dialer and shows all that
// otelnetstats has to say of it: what a callback is told, a table of the
// connections with their marks, and the metrics and spans.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"os/signal"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/stdout/stdoutmetric"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/netstats-go/netstats/otelnetstats"
)

const usage = `Usage: quickstart [URL ...]

Fetches the URLs through a tracked dialer. Without a URL it starts an HTTPS
server of its own on this machine and fetches from that.

Standard output has each step of the connections as a callback is told of it,
and then, as JSON, the metrics and the spans. Standard error has a table of the
connections and their marks.

Try:  quickstart >steps-and-telemetry.txt
      quickstart https://go.dev/ https://go.dev/dl/
`

// fetchTimeout bounds one fetch, and shutdownTimeout the export of what is left.
const (
	fetchTimeout    = 30 * time.Second
	shutdownTimeout = 5 * time.Second
)

var errUsage = errors.New("run with -h for help")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case err == nil:
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	urls, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	var roots *x509.CertPool // nil: those of the system
	if len(urls) == 0 {
		local, err := startServer()
		if err != nil {
			return fmt.Errorf("start a server to fetch from: %w", err)
		}
		defer local.close()
		urls, roots = local.urls(), local.roots
	}
	return fetchAll(ctx, urls, roots, stdout, stderr)
}

// parse returns the URLs to fetch.
func parse(args []string, stderr io.Writer) ([]string, error) {
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stderr, usage)
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("%w; %w", err, errUsage)
	}
	for _, arg := range flags.Args() {
		u, err := url.Parse(arg)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return nil, fmt.Errorf("%q is not a URL that begins with https:// or http://; %w", arg, errUsage)
		}
	}
	return flags.Args(), nil
}

// fetchAll is the part to copy from: it sets up telemetry and a Tracker, does
// the work, and shuts down in the order that loses nothing.
func fetchAll(ctx context.Context, urls []string, roots *x509.CertPool, stdout, stderr io.Writer) error {
	tracers, meters, err := newProviders(stdout)
	if err != nil {
		return err
	}
	printer := newPrinter(stdout)
	tracker, err := otelnetstats.New(
		otelnetstats.WithTracerProvider(tracers),
		otelnetstats.WithMeterProvider(meters),
		otelnetstats.WithCallback(printer),
	)
	if err != nil {
		return err
	}
	transport := newTransport(tracker, roots)
	client := &http.Client{Transport: transport, Timeout: fetchTimeout}

	var errs []error
	for _, u := range urls {
		errs = append(errs, fetch(ctx, client, tracers.Tracer("quickstart"), u, stderr))
	}

	// First the connections, then the Tracker, which ends the spans of those
	// that are still open, and at last the providers, which export it all.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	transport.CloseIdleConnections()
	errs = append(errs,
		tracker.Shutdown(ctx),
		meters.Shutdown(ctx),
		tracers.Shutdown(ctx))

	printer.table(stderr)
	return errors.Join(errs...)
}

// newProviders returns providers that export to w. A real program exports to a
// collector; its provider is all that would be different.
func newProviders(w io.Writer) (*sdktrace.TracerProvider, *sdkmetric.MeterProvider, error) {
	spans, err := stdouttrace.New(stdouttrace.WithWriter(w), stdouttrace.WithPrettyPrint())
	if err != nil {
		return nil, nil, err
	}
	metrics, err := stdoutmetric.New(stdoutmetric.WithWriter(w), stdoutmetric.WithPrettyPrint())
	if err != nil {
		return nil, nil, err
	}
	service := resource.NewSchemaless(attribute.String("service.name", "quickstart"))
	return sdktrace.NewTracerProvider(
			sdktrace.WithResource(service),
			sdktrace.WithBatcher(spans, sdktrace.WithBatchTimeout(time.Minute))),
		sdkmetric.NewMeterProvider(
			sdkmetric.WithResource(service),
			sdkmetric.WithReader(sdkmetric.NewPeriodicReader(metrics))),
		nil
}

// newTransport returns a clone of http.DefaultTransport whose connections are
// tracked. The clone keeps HTTP/2, proxies and the default's way to dial.
func newTransport(tracker *otelnetstats.Tracker, roots *x509.CertPool) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	dialer := &otelnetstats.Dialer{
		Base:    otelnetstats.DialFunc(t.DialContext),
		Tracker: tracker,
	}
	t.DialContext = dialer.DialContext

	// This much would do for https, too. To have the TLS handshake timed, the
	// dialer must do it; the transport's own timeout does not apply then.
	t.TLSClientConfig = &tls.Config{
		RootCAs:    roots,
		NextProtos: []string{"h2", "http/1.1"},
	}
	dialTLS := dialer.TLS(t.TLSClientConfig)
	t.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, t.TLSHandshakeTimeout)
		defer cancel()
		return dialTLS(ctx, network, address)
	}
	return t
}

// fetch gets a URL, and marks its connection where the response begins and
// where it ends.
func fetch(ctx context.Context, client *http.Client, tracer trace.Tracer, address string, stderr io.Writer) error {
	ctx, span := tracer.Start(ctx, "GET", trace.WithAttributes(attribute.String("url.full", address)))
	defer span.End()

	var conn net.Conn
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { conn = info.Conn },
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	path := resp.Request.URL.Path
	otelnetstats.Mark(ctx, conn, "headers of "+path)

	n, err := io.Copy(io.Discard, resp.Body)
	if err != nil {
		return fmt.Errorf("read the body of %s: %w", address, err)
	}
	otelnetstats.Mark(ctx, conn, "body of "+path, attribute.Int64("body.size", n))
	fmt.Fprintf(stderr, "GET %s: %s %s, a body of %s\n", address, resp.Proto, resp.Status, humanBytes(n))
	return nil
}
