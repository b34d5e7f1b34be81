package otelnetstats

import (
	"io"
	"net/http"
	"reflect"
)

// answered looks at the response. net/http tells when an HTTP/1 response is over, but
// not when the stream of an HTTP/2 one is, nor when the body is that is marked.
func (x *exchange) answered(resp *http.Response) {
	if resp.ProtoMajor < 2 && !x.transport.config.marks {
		return
	}
	switch resp.Body.(type) {
	case nil, io.Writer: // the latter of a connection that is the caller's now
		return
	}
	if reflect.TypeOf(resp.Body).Size() == 0 {
		x.over() // nothing can come of it: http.NoBody, and what HTTP/2 has instead
		return
	}
	resp.Body = &responseBody{resp.Body, x}
}

// A responseBody is the body of a response, and tells when that is over.
type responseBody struct {
	io.ReadCloser
	exchange *exchange
}

func (b *responseBody) Read(p []byte) (n int, err error) {
	n, err = b.ReadCloser.Read(p)
	if err != nil {
		b.exchange.over()
	}
	return n, err
}

func (b *responseBody) Close() error {
	b.exchange.over() // before the connection is, perhaps
	return b.ReadCloser.Close()
}
