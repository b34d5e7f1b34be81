package otelnetstats

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"os"
	"time"
)

// exporters are the addresses that OTLP exporters connect to, as far as the
// environment tells: a capture leaves them alone, or telemetry would be made of
// telemetry.
type exporters map[string]struct{}

var endpointVariables = []string{
	"OTEL_EXPORTER_OTLP_ENDPOINT",
	"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
	"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
	"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
}

// lookupLimit bounds how long Capture waits for the names of endpoints. gRPC
// resolves names before it dials, so that addresses are needed, too.
const lookupLimit = time.Second

func exportersFromEnvironment() exporters {
	e := make(exporters)
	for _, variable := range endpointVariables {
		if value := os.Getenv(variable); value != "" {
			e.addEndpoint(value)
		}
	}
	if len(e) == 0 {
		e.add("localhost", "4317")
		e.add("localhost", "4318")
	}
	return e
}

// addEndpoint takes a URL, or host:port as gRPC exporters allow.
func (e exporters) addEndpoint(endpoint string) {
	if u, err := url.Parse(endpoint); err == nil && u.Hostname() != "" {
		port := u.Port()
		if port == "" {
			port = defaultPorts[u.Scheme]
		}
		e.add(u.Hostname(), port)
		return
	}
	if host, port, err := net.SplitHostPort(endpoint); err == nil {
		e.add(host, port)
	}
}

var defaultPorts = map[string]string{"http": "80", "https": "443"}

func (e exporters) add(host, port string) {
	e[net.JoinHostPort(host, port)] = struct{}{}
	if _, err := netip.ParseAddr(host); err == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ContextWithoutTracking(context.Background()), lookupLimit)
	defer cancel()
	addrs, _ := net.DefaultResolver.LookupHost(ctx, host) // without them, the name is still known
	for _, addr := range addrs {
		e[net.JoinHostPort(addr, port)] = struct{}{}
	}
}

func (e exporters) match(address string) bool {
	_, ok := e[address]
	return ok
}
