package viewing

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/netstats-go/netstats/otelnetstats"
)

// The shop is the program that is watched. It is a process of its own, this test's
// program with an order in its environment, so that it can be killed.

func TestMain(m *testing.M) {
	text, ok := os.LookupEnv("NETSTATS_SHOP")
	if !ok {
		os.Exit(m.Run())
	}
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		panic(err)
	}
	if err := o.run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// An order says what the shop is to do.
type order struct {
	Scenario string
	Service  string
	Traces   string // where to, by gRPC if GRPC is set, else by HTTP
	GRPC     bool
	Metrics  string            // where to; none if empty
	Backend  string            // the echo server
	Silent   string            // a server that never answers
	Secure   string            // a TLS server that nobody trusts
	Plain    string            // a server that does not speak TLS
	Echo     map[string]string // more echo servers, by what goes wrong with them
	Servers  int               // how many are told apart; the default if 0
	Requests int
}

// spawn starts the shop. Its first line says that it is ready.
func spawn(t *testing.T, o order) (cmd *exec.Cmd, lines *bufio.Scanner) {
	t.Helper()
	text, err := json.Marshal(o)
	must(t, err)
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "NETSTATS_SHOP="+string(text))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd, bufio.NewScanner(out)
}

func (o order) run() error {
	ctx := context.Background()
	tracers, err := o.tracers(ctx)
	if err != nil {
		return err
	}
	meters, err := o.meters(ctx)
	if err != nil {
		return err
	}
	otel.SetTracerProvider(tracers)
	options := []otelnetstats.Option{otelnetstats.WithTracerProvider(tracers), otelnetstats.WithMeterProvider(meters), otelnetstats.WithCaller()}
	if o.Servers > 0 {
		options = append(options, otelnetstats.WithMaxServers(o.Servers))
	}
	tracker, err := otelnetstats.New(options...)
	if err != nil {
		return err
	}
	s := &shop{order: o, tracker: tracker, dialer: &otelnetstats.Dialer{Tracker: tracker}}
	scenarios := map[string]func(context.Context) error{"mixed": s.mixed, "long": s.long, "burst": s.burst, "bad": s.bad}
	defer runtime.KeepAlive(s)
	return errors.Join(scenarios[o.Scenario](ctx), tracker.Shutdown(ctx), tracers.Shutdown(ctx), meters.Shutdown(ctx))
}

func (o order) resource() *resource.Resource {
	return resource.NewSchemaless(attribute.String("service.name", o.Service))
}

// tracers exports as users do who set nothing: limits and batches are the default.
func (o order) tracers(ctx context.Context) (*sdktrace.TracerProvider, error) {
	var e *otlptrace.Exporter
	var err error
	if o.GRPC {
		e, err = otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(o.Traces), otlptracegrpc.WithInsecure())
	} else {
		e, err = otlptracehttp.New(ctx, otlptracehttp.WithEndpoint(o.Traces), otlptracehttp.WithInsecure())
	}
	if err != nil {
		return nil, err
	}
	return sdktrace.NewTracerProvider(sdktrace.WithBatcher(e), sdktrace.WithResource(o.resource())), nil
}

func (o order) meters(ctx context.Context) (*sdkmetric.MeterProvider, error) {
	if o.Metrics == "" {
		return sdkmetric.NewMeterProvider(), nil
	}
	e, err := otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpoint(o.Metrics), otlpmetrichttp.WithInsecure(), otlpmetrichttp.WithURLPath("/api/v1/otlp/v1/metrics"))
	if err != nil {
		return nil, err
	}
	return sdkmetric.NewMeterProvider(
		sdkmetric.WithReader(sdkmetric.NewPeriodicReader(e, sdkmetric.WithInterval(time.Second))),
		sdkmetric.WithResource(o.resource())), nil
}

type shop struct {
	order
	tracker *otelnetstats.Tracker
	dialer  *otelnetstats.Dialer
	open    []net.Conn // which the collector is not to find
}

// request does something in a span of its own, as a handler does.
func (s *shop) request(ctx context.Context, name string, do func(ctx context.Context) error) error {
	ctx, span := otel.Tracer("shop").Start(ctx, name)
	defer span.End()
	return do(ctx)
}

// ask has the server send back n bytes, which were sent to it.
func ask(conn net.Conn, n int) error {
	if _, err := conn.Write(append([]byte{'e', byte(n >> 8), byte(n)}, make([]byte, n)...)); err != nil {
		return err
	}
	_, err := io.ReadFull(conn, make([]byte, n))
	return err
}

// mixed is a day in the life: everything that ends well or badly.
func (s *shop) mixed(ctx context.Context) error {
	return errors.Join(
		s.requests(ctx),
		s.request(ctx, "failures", s.failures),
		s.request(ctx, "ends", s.ends),
		s.bothEnds(ctx),
	)
}

// requests share one connection. The first dials it.
func (s *shop) requests(ctx context.Context) error {
	var conn net.Conn
	for i := range s.Requests {
		err := s.request(ctx, fmt.Sprint("request ", i), func(ctx context.Context) (err error) {
			if conn == nil {
				if conn, err = s.dialer.DialContext(ctx, "tcp", s.Backend); err != nil {
					return err
				}
			}
			if err := ask(conn, 100+i); err != nil {
				return err
			}
			otelnetstats.Mark(ctx, conn, "answered")
			return nil
		})
		if err != nil {
			return err
		}
	}
	return conn.Close()
}

// failures are dials that fail, each in its way, and handshakes.
func (s *shop) failures(ctx context.Context) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	l.Close()
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	for name, dial := range map[string]func() (net.Conn, error){
		"refused": func() (net.Conn, error) { return s.dialer.DialContext(ctx, "tcp", l.Addr().String()) },
		"no name": func() (net.Conn, error) { return s.dialer.DialContext(ctx, "tcp", "missing.invalid:80") },
		"untrusted": func() (net.Conn, error) {
			return s.dialer.TLS(&tls.Config{ServerName: "server.test"})(ctx, "tcp", s.Secure)
		},
		"no TLS": func() (net.Conn, error) {
			return s.dialer.TLS(&tls.Config{ServerName: "server.test"})(ctx, "tcp", s.Plain)
		},
		"silent": func() (net.Conn, error) {
			return s.dialer.TLS(&tls.Config{ServerName: "server.test"})(short, "tcp", s.Silent)
		},
	} {
		if conn, err := dial(); err == nil {
			conn.Close()
			return fmt.Errorf("%s: the dial succeeds", name)
		}
	}
	return nil
}

// ends are connections that do not end by being closed in peace.
func (s *shop) ends(ctx context.Context) error {
	for _, order := range []string{"c", "r", "t", "l"} {
		conn, err := s.dialer.DialContext(ctx, "tcp", s.Backend)
		if err != nil {
			return err
		}
		if err := ask(conn, 10); err != nil {
			return err
		}
		switch order {
		case "t":
			_ = conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		case "l":
			continue // and is not closed
		default:
			if _, err := conn.Write([]byte(order)); err != nil {
				return err
			}
		}
		_, _ = conn.Read(make([]byte, 1)) // which finds the end
		conn.Close()
	}
	for range 50 { // the leak is found
		runtime.GC()
		time.Sleep(10 * time.Millisecond)
	}
	return nil
}

// bothEnds has both ends of a connection tracked.
func (s *shop) bothEnds(ctx context.Context) error {
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	l := s.tracker.Listener(plain)
	defer l.Close()
	accepted := make(chan error, 1)
	go func() {
		conn, err := l.Accept()
		if err == nil {
			_, err = conn.Write([]byte("hello"))
			conn.Close()
		}
		accepted <- err
	}()
	conn, err := s.dialer.DialContext(ctx, "tcp", l.Addr().String())
	if err != nil {
		return err
	}
	_, err = io.ReadAll(conn)
	return errors.Join(err, conn.Close(), <-accepted)
}

// long keeps a connection open until the shop is killed.
func (s *shop) long(ctx context.Context) error {
	var conn net.Conn
	err := s.request(ctx, "request 0", func(ctx context.Context) (err error) {
		conn, err = s.dialer.DialContext(ctx, "tcp", s.Backend)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for i := 1; ; i++ {
		err := s.request(ctx, fmt.Sprint("request ", i), func(ctx context.Context) error {
			if err := ask(conn, 100); err != nil {
				return err
			}
			otelnetstats.Mark(ctx, conn, fmt.Sprint("answer ", i))
			return nil
		})
		if err != nil {
			return err
		}
		time.Sleep(500 * time.Millisecond)
	}
}

// burst keeps very many connections open until they all have a second part, and
// ends them at once.
func (s *shop) burst(ctx context.Context) error {
	peer, stop := net.Pipe()
	defer stop.Close()
	for range s.Requests {
		s.open = append(s.open, s.tracker.Register(ctx, struct{ net.Conn }{peer}))
	}
	time.Sleep(time.Minute + 10*time.Second)
	return nil
}
