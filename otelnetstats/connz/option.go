package connz

import (
	"net/http"
	"strings"
)

// An Option configures a [Handler]. Options are made by the With functions.
type Option interface {
	apply(*config)
}

type config struct {
	guard    func(*http.Request) (see, names bool)
	traceURL string
}

type optionFunc func(*config)

func (f optionFunc) apply(c *config) { f(c) }

func newConfig(opts []Option) config {
	c := config{guard: local}
	for _, o := range opts {
		if o != nil {
			o.apply(&c)
		}
	}
	return c
}

// WithGuard has guard say of each request whether it may see the page, and whether it
// may see addresses and names: of servers, peers, Dialers, marks, and in errors. Who
// may not sees numbers, states and callers, and cannot filter, sort or group by what
// is hidden. The guard must be safe for concurrent use. A nil guard is ignored.
//
// It takes the place of the default guard, which lets those see everything whose
// connection comes from a loopback address or by a unix socket, who ask for a loopback
// name such as localhost, and whose browser does not say that another site asks. The
// first two do not tell a stranger apart whom a proxy on the same machine lets in: it
// refuses what a proxy says it forwards, but not every proxy says so.
func WithGuard(guard func(r *http.Request) (see, names bool)) Option {
	return optionFunc(func(c *config) {
		if guard != nil {
			c.guard = guard
		}
	})
}

// WithTraceURL has the page link connections, dials and marks to their traces. In the
// template {trace_id} and {span_id} stand for the two IDs, in hexadecimal:
//
//	connz.WithTraceURL("https://jaeger.example/trace/{trace_id}?uiFind={span_id}")
//
// Only what was sampled is linked. URLs other than http, https and relative ones are
// not followed.
func WithTraceURL(template string) Option {
	return optionFunc(func(c *config) { c.traceURL = template })
}

// traceLink is empty if there is nothing to lead to.
func (c *config) traceLink(traceID, spanID string, sampled bool) string {
	if c.traceURL == "" || !sampled {
		return ""
	}
	return strings.NewReplacer("{trace_id}", traceID, "{span_id}", spanID).Replace(c.traceURL)
}
