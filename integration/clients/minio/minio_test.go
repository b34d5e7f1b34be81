// Package minio is the recipe for minio-go.
//
// Take the library's own transport, and wrap its dial function: that keeps timeouts and
// keep-alive.
package minio

import (
	"bytes"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/netstats-go/netstats/integration/clients/lab"
	"github.com/netstats-go/netstats/otelnetstats"
)

var recipe = lab.Recipe{
	Library: "minio-go", Module: "github.com/minio/minio-go/v7",
	Server:  "gofakes3, in the process",
	Address: lab.Name, Parent: lab.Always, Caller: "net/http",
}

func wrap(options *minio.Options, tracker *otelnetstats.Tracker) error {
	transport, err := minio.DefaultTransport(options.Secure)
	if err != nil {
		return err
	}
	transport.DialContext = tracker.WrapDial(transport.DialContext)
	options.Transport = transport
	return nil
}

func TestRecipe(t *testing.T) {
	recipe.Compare(t, lab.Case{Ends: "remote"}, func(_ *testing.T, w *lab.Way) {
		fake := httptest.NewServer(gofakes3.New(s3mem.New()).Server())
		defer fake.Close()
		options := &minio.Options{Creds: credentials.NewStaticV4("key", "secret", ""), Region: "us-east-1"}
		if tracker := w.Tracker; tracker != nil {
			w.Must("wrap", wrap(options, tracker))
		} else {
			w.Must("wrap")
		}
		client, err := minio.New(w.Relay(strings.TrimPrefix(fake.URL, "http://")), options)
		w.Must("client", err)
		use(w, client)
		w.Hangup() // the library shows no way to close what is idle
	})
}

func use(w *lab.Way, client *minio.Client) {
	ctx := w.Context()
	w.Must("bucket", client.MakeBucket(ctx, "bucket", minio.MakeBucketOptions{}))
	data := bytes.Repeat([]byte("3 B"), 1e6)
	info, err := client.PutObject(ctx, "bucket", "key", bytes.NewReader(data), int64(len(data)), minio.PutObjectOptions{})
	w.Note("put", info.Size, err)
	w.MarkAll()
	object, err := client.GetObject(ctx, "bucket", "key", minio.GetObjectOptions{})
	w.Must("get", err)
	got, err := io.ReadAll(object)
	w.Note("got", bytes.Equal(data, got), err, object.Close())
	_, err = client.StatObject(ctx, "bucket", "nothing", minio.StatObjectOptions{})
	w.Note("nothing", minio.ToErrorResponse(err).Code)
}
