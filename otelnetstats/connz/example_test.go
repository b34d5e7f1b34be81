package connz_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/netstats-go/netstats/otelnetstats"
	"github.com/netstats-go/netstats/otelnetstats/connz"
)

// The page is served where the program says: here by a server of its own, which
// answers this machine only.
func ExampleHandler() {
	tracker := otelnetstats.Default()
	mux := http.NewServeMux()
	mux.Handle("/debug/connz/", connz.Handler(tracker))
	srv := httptest.NewServer(mux) // or http.ListenAndServe("localhost:6061", mux)
	defer srv.Close()

	for _, page := range []string{"", "conns.json", "?format=text"} {
		resp, err := http.Get(srv.URL + "/debug/connz/" + page)
		if err != nil {
			log.Print(err)
			return
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		fmt.Println(resp.Status, resp.Header.Get("Content-Type"))
	}
	// Output:
	// 200 OK text/html; charset=utf-8
	// 200 OK application/json
	// 200 OK text/plain; charset=utf-8
}

// Who is logged in as an operator sees everything, and all other users of the service
// see numbers without addresses and names.
func ExampleWithGuard() {
	handler := connz.Handler(otelnetstats.Default(),
		connz.WithGuard(func(r *http.Request) (see, names bool) {
			user, _, ok := r.BasicAuth()
			return ok, user == "operator"
		}),
		connz.WithTraceURL("https://jaeger.example/trace/{trace_id}"))

	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/debug/connz/", nil))
	fmt.Println(answer.Code)
	// Output: 403
}
