package otelnetstats_test

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/netstats-go/netstats/otelnetstats"
)

// A likeness is a case in which a Transport has to do what net/http's does.
type likeness struct {
	base *http.Transport
	// run does what the case is about and returns what came of it.
	run func(t *testing.T, rt http.RoundTripper) string
}

// likenesses make their servers, which both serve.
var likenesses = map[string]func(t *testing.T) likeness{
	"a proxy":                         proxied(protocols[0], protocols[0]),
	"CONNECT by a proxy":              proxied(protocols[0], protocols[1]),
	"CONNECT by a proxy, then HTTP/2": proxied(protocols[0], protocols[2]),
	"a proxy over TLS":                proxied(protocols[1], protocols[0]),
	"CONNECT by a proxy over TLS":     proxied(protocols[1], protocols[1]),
	"SOCKS":                           socks(protocols[0]),
	"SOCKS, then HTTP/2":              socks(protocols[2]),

	"DialContext": func(t *testing.T) likeness {
		s := protocols[0].site(t, http.HandlerFunc(hello))
		s.base.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, s.addr)
		}
		return likeness{s.base, asked("http://nowhere.test/")}
	},
	"DialContext without a connection": func(*testing.T) likeness {
		return likeness{&http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, nil }}, asked("http://nowhere.test/")}
	},
	"Dial": func(t *testing.T) likeness {
		s := protocols[0].site(t, http.HandlerFunc(hello))
		s.base.Dial = func(network, _ string) (net.Conn, error) { return net.Dial(network, s.addr) } //nolint:staticcheck // it works
		return likeness{s.base, asked("http://nowhere.test/")}
	},
	"Dial without a connection": func(*testing.T) likeness {
		return likeness{&http.Transport{Dial: func(string, string) (net.Conn, error) { return nil, nil }}, asked("http://nowhere.test/")} //nolint:staticcheck // it works
	},
	"DialTLSContext":               ownTLS(protocols[1], false),
	"DialTLSContext, then HTTP/2":  ownTLS(protocols[2], false),
	"DialTLSContext, no handshake": ownTLS(protocols[2], true),
	"DialTLS": func(t *testing.T) likeness {
		s := protocols[2].site(t, http.HandlerFunc(hello))
		config := withNext(s.base.TLSClientConfig, "h2")
		s.base.DialTLS = func(network, address string) (net.Conn, error) { return tls.Dial(network, address, config) } //nolint:staticcheck // it works
		return likeness{s.base, asked(s.url)}
	},
	"DialTLSContext without a connection": func(*testing.T) likeness {
		return likeness{&http.Transport{DialTLSContext: func(context.Context, string, string) (net.Conn, error) { return nil, nil }}, asked("https://nowhere.test/")}
	},
	"DialTLSContext with something else": func(t *testing.T) likeness {
		s := protocols[1].site(t, http.HandlerFunc(hello))
		config := s.base.TLSClientConfig.Clone()
		s.base.DialTLSContext = func(_ context.Context, network, address string) (net.Conn, error) {
			c, err := tls.Dial(network, address, config)
			return struct{ net.Conn }{c}, err
		}
		return likeness{s.base, asked(s.url)}
	},

	"no HTTP/2 with a dial function": func(t *testing.T) likeness {
		s := bilingual.site(t, http.HandlerFunc(hello))
		base := &http.Transport{TLSClientConfig: s.base.TLSClientConfig, DialContext: new(net.Dialer).DialContext}
		return likeness{base, asked(s.url)}
	},
	"ForceAttemptHTTP2": func(t *testing.T) likeness {
		s := bilingual.site(t, http.HandlerFunc(hello))
		base := &http.Transport{TLSClientConfig: s.base.TLSClientConfig, DialContext: new(net.Dialer).DialContext, ForceAttemptHTTP2: true}
		return likeness{base, asked(s.url)}
	},
	// A Transport that sets nothing finds HTTP/2 out; its configuration can be seen then.
	"HTTP/2 by default": func(t *testing.T) likeness {
		s := bilingual.site(t, http.HandlerFunc(hello))
		base := &http.Transport{}
		base.CloseIdleConnections()
		base.TLSClientConfig.RootCAs, base.TLSClientConfig.ServerName = s.base.TLSClientConfig.RootCAs, s.base.TLSClientConfig.ServerName
		return likeness{base, asked(s.url)}
	},
	"HTTP/2 switched off": func(t *testing.T) likeness {
		s := bilingual.site(t, http.HandlerFunc(hello))
		base := &http.Transport{TLSClientConfig: s.base.TLSClientConfig, ForceAttemptHTTP2: true, TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}}
		return likeness{base, asked(s.url)}
	},

	"nobody listens": func(t *testing.T) likeness {
		return likeness{&http.Transport{}, asked("http://" + closedPort(t))}
	},
	"no such scheme":   func(*testing.T) likeness { return likeness{&http.Transport{}, asked("gopher://nowhere.test/")} },
	"no host":          func(*testing.T) likeness { return likeness{&http.Transport{}, asked("http:///")} },
	"the wrong answer": func(t *testing.T) likeness { return likeness{&http.Transport{}, asked("http://" + serve(t, garbage))} },
	"no certificate for it": func(t *testing.T) likeness {
		return likeness{&http.Transport{}, asked(protocols[1].site(t, http.HandlerFunc(hello)).url)}
	},
	"no URL": func(*testing.T) likeness {
		return likeness{&http.Transport{}, func(_ *testing.T, rt http.RoundTripper) string {
			_, err := rt.RoundTrip(&http.Request{Header: http.Header{}})
			return fmt.Sprint(err)
		}}
	},
	"a scheme of the base's": func(*testing.T) likeness {
		base := &http.Transport{}
		base.RegisterProtocol("memory", roundTripper(func(q *http.Request) (*http.Response, error) {
			return &http.Response{Status: "200 from memory", Body: http.NoBody, Request: q}, nil
		}))
		return likeness{base, func(t *testing.T, rt http.RoundTripper) string {
			if _, plain := rt.(*http.Transport); plain {
				rt = base // of which a clone has no such scheme
			}
			return asked("memory://here/")(t, rt)
		}}
	},

	"TLSHandshakeTimeout": func(t *testing.T) likeness {
		return likeness{&http.Transport{TLSHandshakeTimeout: time.Millisecond}, asked("https://" + serve(t, wait))}
	},
	"ResponseHeaderTimeout": func(t *testing.T) likeness {
		return likeness{&http.Transport{ResponseHeaderTimeout: time.Millisecond}, asked("http://" + serve(t, wait))}
	},
	"a request given up": func(t *testing.T) likeness {
		s := protocols[0].site(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		return likeness{s.base, givenUp(s.url)}
	},
	"a request given up, HTTP/2": func(t *testing.T) likeness {
		s := protocols[2].site(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		return likeness{s.base, givenUp(s.url)}
	},

	"Expect, and it may": func(t *testing.T) likeness {
		s := protocols[0].site(t, http.HandlerFunc(hello))
		s.base.ExpectContinueTimeout = time.Minute
		return likeness{s.base, put(s.url, "100-continue")}
	},
	"Expect, and it may not": func(t *testing.T) likeness {
		s := protocols[0].site(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
		s.base.ExpectContinueTimeout = time.Minute
		return likeness{s.base, put(s.url, "100-continue")}
	},
	"gzip": func(t *testing.T) likeness {
		s := protocols[0].site(t, http.HandlerFunc(zipped))
		return likeness{s.base, asked(s.url)}
	},
	"gzip, HTTP/2": func(t *testing.T) likeness {
		s := protocols[2].site(t, http.HandlerFunc(zipped))
		return likeness{s.base, asked(s.url)}
	},
	"an upgrade": func(t *testing.T) likeness {
		s := protocols[0].site(t, http.HandlerFunc(upgrade))
		return likeness{s.base, upgraded(s.url)}
	},
	"a retry on another connection": func(t *testing.T) likeness {
		address := closingAfterOne(t)
		return likeness{&http.Transport{}, func(t *testing.T, rt http.RoundTripper) string {
			return strings.Join([]string{asked(address)(t, rt), asked(address)(t, rt), asked(address)(t, rt)}, "; ")
		}}
	},

	"DisableKeepAlives": connections(func(base *http.Transport) { base.DisableKeepAlives = true }, protocols[0]),
	"keep-alive":        connections(func(*http.Transport) {}, protocols[0]),
	"keep-alive, TLS":   connections(func(*http.Transport) {}, protocols[1]),
	"HTTP/2":            connections(func(*http.Transport) {}, protocols[2]),
	"HTTP/2 without TLS": func(t *testing.T) likeness {
		s := protocols[3].site(t, http.HandlerFunc(hello))
		return likeness{s.base, asked(s.url)}
	},
	"MaxIdleConnsPerHost": connections(func(base *http.Transport) { base.MaxIdleConnsPerHost = -1 }, protocols[0]),
	"MaxConnsPerHost":     connections(func(base *http.Transport) { base.MaxConnsPerHost = 1 }, protocols[0]),
	"hooks":               hooked(protocols[0]),
	"hooks, TLS":          hooked(protocols[1]),
	"hooks, HTTP/2":       hooked(protocols[2]),
}

// TestTransportIsLikeThePlainOne has both do the same, and compares what comes of it.
func TestTransportIsLikeThePlainOne(t *testing.T) {
	handleErrors(t) // as some have connections that cannot be tracked
	for name, make := range likenesses {
		t.Run(name, func(t *testing.T) {
			c := make(t)
			plain := c.base.Clone()
			if c.base.TLSNextProto["h2"] != nil {
				plain.ForceAttemptHTTP2 = true
			}
			defer plain.CloseIdleConnections()
			want := c.run(t, plain)
			for marks, opts := range map[string][]otelnetstats.TransportOption{"": nil, ", with marks": {otelnetstats.WithRequestMarks()}} {
				tr := newLab(t).Transport(c.base, opts...)
				defer tr.CloseIdleConnections()
				if got := c.run(t, tr); got != want {
					t.Errorf("got%s:\n%s\nwant:\n%s", marks, got, want)
				}
			}
			t.Log(want)
		})
	}
}

// result says what came of a request.
func result(resp *http.Response, err error) string {
	if err != nil {
		var timeout net.Error
		return fmt.Sprintf("%v (%T), timeout %v", err, err, errors.As(err, &timeout) && timeout.Timeout())
	}
	body, err := io.ReadAll(resp.Body)
	return fmt.Sprintf("%s %s, %d %v, %q %v, closed: %v, %T", resp.Proto, resp.Status, resp.ContentLength, resp.Header["Via"], body, err, resp.Body.Close(), err)
}

func asked(url string) func(t *testing.T, rt http.RoundTripper) string {
	return func(t *testing.T, rt http.RoundTripper) string {
		q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		must(t, err)
		return result(rt.RoundTrip(q))
	}
}

func put(url, expect string) func(t *testing.T, rt http.RoundTripper) string {
	return func(t *testing.T, rt http.RoundTripper) string {
		q, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url, strings.NewReader("body"))
		must(t, err)
		q.Header.Set("Expect", expect)
		return result(rt.RoundTrip(q))
	}
}

// givenUp makes a request that is given up when it has been sent.
func givenUp(url string) func(t *testing.T, rt http.RoundTripper) string {
	return func(t *testing.T, rt http.RoundTripper) string {
		ctx, cancel := context.WithCancel(t.Context())
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { cancel() }})
		q, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		must(t, err)
		resp, err := rt.RoundTrip(q)
		return fmt.Sprint(errors.Is(err, context.Canceled), resp)
	}
}

// upgraded takes the connection over.
func upgraded(url string) func(t *testing.T, rt http.RoundTripper) string {
	return func(t *testing.T, rt http.RoundTripper) string {
		q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		must(t, err)
		q.Header.Set("Connection", "Upgrade")
		q.Header.Set("Upgrade", "test")
		resp, err := rt.RoundTrip(q)
		must(t, err)
		conn, ok := resp.Body.(io.ReadWriteCloser)
		if !ok {
			return fmt.Sprintf("the body is a %T", resp.Body)
		}
		send(t, conn, 1000)
		w, ok := conn.(interface{ CloseWrite() error })
		if !ok {
			return fmt.Sprintf("a %T without CloseWrite", conn)
		}
		must(t, w.CloseWrite())
		return result(resp, nil)
	}
}

// connections says of three requests in a row whether each had a new connection. Before
// the last one, those that are idle are closed.
func connections(set func(*http.Transport), p protocol) func(t *testing.T) likeness {
	return func(t *testing.T) likeness {
		s := p.site(t, http.HandlerFunc(hello))
		set(s.base)
		return likeness{s.base, func(t *testing.T, rt http.RoundTripper) string {
			var all []string
			for i := range 3 {
				if i == 2 {
					rt.(interface{ CloseIdleConnections() }).CloseIdleConnections()
				}
				ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
					GotConn: func(info httptrace.GotConnInfo) { all = append(all, fmt.Sprint("new: ", !info.Reused)) },
				})
				q, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
				must(t, err)
				all = append(all, result(rt.RoundTrip(q)))
			}
			return strings.Join(all, "\n")
		}}
	}
}

// hooked lists the hooks of the user's that are called, for a new connection and for
// a pooled one.
func hooked(p protocol) func(t *testing.T) likeness {
	return func(t *testing.T) likeness {
		s := p.site(t, http.HandlerFunc(hello))
		return likeness{s.base, func(t *testing.T, rt http.RoundTripper) string {
			var all []string
			for range 2 {
				var mu sync.Mutex
				called := map[string]int{}
				note := func(format string, args ...any) {
					mu.Lock()
					defer mu.Unlock()
					called[fmt.Sprintf(format, args...)]++
				}
				ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
					GetConn:              func(string) { note("GetConn") },
					GotConn:              func(i httptrace.GotConnInfo) { note("GotConn %v %v", i.Reused, i.WasIdle) },
					PutIdleConn:          func(err error) { note("PutIdleConn %v", err) },
					GotFirstResponseByte: func() { note("GotFirstResponseByte") },
					ConnectStart:         func(string, string) { note("ConnectStart") },
					ConnectDone:          func(_, _ string, err error) { note("ConnectDone %v", err) },
					TLSHandshakeStart:    func() { note("TLSHandshakeStart") },
					TLSHandshakeDone:     func(_ tls.ConnectionState, err error) { note("TLSHandshakeDone %v", err) },
					WroteHeaders:         func() { note("WroteHeaders") },
					WroteRequest:         func(i httptrace.WroteRequestInfo) { note("WroteRequest %v", i.Err) },
				})
				q, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
				must(t, err)
				one := []string{result(rt.RoundTrip(q))}
				mu.Lock()
				for name, n := range called {
					one = append(one, fmt.Sprint(name, " ", n))
				}
				mu.Unlock()
				slices.Sort(one)
				all = append(all, one...)
			}
			return strings.Join(all, "\n")
		}}
	}
}

// proxied is a site that is reached by an HTTP proxy.
func proxied(by, to protocol) func(t *testing.T) likeness {
	return func(t *testing.T) likeness {
		s, proxy := to.site(t, http.HandlerFunc(hello)), httpProxy(t, by)
		u, err := url.Parse(proxy.url)
		must(t, err)
		s.base.Proxy = http.ProxyURL(u)
		s.base.ProxyConnectHeader = http.Header{"X-Test": {"1"}}
		if by.tls && s.base.TLSClientConfig == nil {
			s.base.TLSClientConfig = proxy.base.TLSClientConfig
		}
		return likeness{s.base, asked(s.url)}
	}
}

func socks(to protocol) func(t *testing.T) likeness {
	return func(t *testing.T) likeness {
		s := to.site(t, http.HandlerFunc(hello))
		s.base.Proxy = http.ProxyURL(&url.URL{Scheme: "socks5", Host: socksProxy(t)})
		return likeness{s.base, asked(s.url)}
	}
}

// ownTLS has a DialTLSContext, which may leave the handshake to net/http.
func ownTLS(p protocol, lazy bool) func(t *testing.T) likeness {
	return func(t *testing.T) likeness {
		s := p.site(t, http.HandlerFunc(hello))
		config := withNext(s.base.TLSClientConfig, map[bool]string{false: "http/1.1", true: "h2"}[p.h2])
		s.base.DialTLSContext = lazyTLS(new(net.Dialer).DialContext, config)
		if !lazy {
			s.base.DialTLSContext = (&tls.Dialer{Config: config}).DialContext
		}
		return likeness{s.base, asked(s.url)}
	}
}

// lazyTLS puts TLS on top of what is dialed, and leaves the handshake to others.
func lazyTLS(dial otelnetstats.DialFunc, config *tls.Config) otelnetstats.DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return tls.Client(conn, config), nil
	}
}

func withNext(config *tls.Config, protos ...string) *tls.Config {
	config = config.Clone()
	config.NextProtos = protos
	return config
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(q *http.Request) (*http.Response, error) { return f(q) }

func garbage(c net.Conn) {
	_, _ = c.Read(make([]byte, 1<<10))
	_, _ = io.WriteString(c, "+OK POP3 ready\r\n")
}

func zipped(w http.ResponseWriter, r *http.Request) {
	if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		http.Error(w, "the client takes no gzip", http.StatusNotAcceptable)
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	_, _ = io.WriteString(z, "zipped")
	_ = z.Close()
}

// closingAfterOne serves a request on each connection, and closes it when the second
// comes: what a server does that was restarted.
func closingAfterOne(t testing.TB) (url string) {
	return "http://" + serve(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 1<<10))
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
		_, _ = c.Read(make([]byte, 1<<10))
	})
}
