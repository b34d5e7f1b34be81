package connz

import (
	"bytes"
	"embed"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/netstats-go/netstats/internal/live"
	"github.com/netstats-go/netstats/otelnetstats"
)

//go:embed assets
var assets embed.FS

// Handler returns a handler that shows the connections of a Tracker, from now on: it
// has the Tracker keep what ends and what fails, and note its totals every five
// seconds, until its Shutdown. What single connections move is noted only while
// somebody looks. A nil Tracker is [otelnetstats.Default].
//
// It is to be mounted at a path that ends in a slash. It answers GET and HEAD, and is
// safe for concurrent use. There can be several, of one Tracker or of many.
func Handler(tracker *otelnetstats.Tracker, opts ...Option) http.Handler {
	if tracker == nil {
		tracker = otelnetstats.Default()
	}
	h := &handler{config: newConfig(opts), hub: live.Of(tracker)}
	if h.hub == nil {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "connz: this Tracker was not made by otelnetstats.New, and tracks nothing", http.StatusServiceUnavailable)
		})
	}
	h.lookout = &lookout{hub: h.hub}
	return h
}

type handler struct {
	config
	hub      *live.Hub
	lookout  *lookout
	profiles atomic.Int64 // that are being taken
}

// files are the assets that are served as they are.
var files = map[string]string{
	"connz.css": "text/css; charset=utf-8",
	"connz.js":  "text/javascript; charset=utf-8",
	"icon.svg":  "image/svg+xml",
}

// ServeHTTP implements [http.Handler].
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	harden(w.Header())
	see, names := h.guard(r)
	if !see {
		http.Error(w, "connz: not for you. By default it answers the machine it runs on, by a name such as localhost.", http.StatusForbidden)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "connz: only to be looked at: GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	switch name := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]; name {
	case "":
		h.serve(w, r, names, r.URL.Query().Get("format"))
	case "conns.json":
		h.serve(w, r, names, "json")
	case "profile":
		h.profile(w, r, names)
	default:
		serveFile(w, r, name)
	}
}

// harden says what a browser may do with an answer: show it, and nothing else.
func harden(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

func serveFile(w http.ResponseWriter, r *http.Request, name string) {
	contentType, ok := files[name]
	if !ok {
		http.Error(w, "connz: there is no such page. Mount the handler at a path that ends in a slash, such as /debug/connz/.", http.StatusNotFound)
		return
	}
	content, err := assets.ReadFile("assets/" + name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", contentType)
	_, _ = w.Write(content) // who asked has gone
}

// serve answers with the sheet that the query asks for.
func (h *handler) serve(w http.ResponseWriter, r *http.Request, names bool, format string) {
	limit := maxRows
	if format == "json" {
		limit = maxJSONRows
	}
	v, mistake := parseView(r.URL.Query(), names, limit)
	if mistake != nil && format != "" {
		http.Error(w, "connz: "+mistake.Error(), http.StatusBadRequest)
		return
	}
	var b bytes.Buffer // so that an error can still be told
	var err error
	contentType := "text/plain; charset=utf-8"
	switch format {
	case "", "html":
		contentType = "text/html; charset=utf-8"
		err = h.sheet(v).writePage(&b, &h.config, mistake)
	case "text":
		err = h.sheet(v).writeText(&b)
	case "json":
		contentType = "application/json"
		err = h.sheet(v).writeJSON(&b)
	default:
		http.Error(w, "connz: there are the formats html, text and json", http.StatusBadRequest)
		return
	}
	if err != nil {
		http.Error(w, "connz: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", contentType)
	_, _ = w.Write(b.Bytes()) // who asked has gone
}
