// Package s3 is the recipe for the AWS SDK's clients, of which S3 is one.
//
// Wrap the transport's dial function, do not replace it: the SDK times its own. A later
// WithDialerOptions takes the hook away.
package s3

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/netstats-go/netstats/integration/clients/lab"
	"github.com/netstats-go/netstats/otelnetstats"
)

var recipe = lab.Recipe{
	Library: "AWS SDK v2", Module: "github.com/aws/aws-sdk-go-v2/service/s3",
	Server:  "gofakes3, in the process",
	Address: lab.Name, Parent: lab.Always, Caller: "net/http",
}

func wrap(client *awshttp.BuildableClient, tracker *otelnetstats.Tracker) *awshttp.BuildableClient {
	return client.WithTransportOptions(func(t *http.Transport) {
		t.DialContext = tracker.WrapDial(t.DialContext)
	})
}

func TestRecipe(t *testing.T) {
	// The SDK shows no way to close what is idle: the server does.
	recipe.Compare(t, lab.Case{Ends: "remote"}, func(_ *testing.T, w *lab.Way) {
		fake := httptest.NewServer(gofakes3.New(s3mem.New()).Server())
		defer fake.Close()
		client := awshttp.NewBuildableClient()
		if tracker := w.Tracker; tracker != nil {
			client = wrap(client, tracker)
		}
		use(w, s3.New(s3.Options{
			BaseEndpoint: aws.String("http://" + w.Relay(strings.TrimPrefix(fake.URL, "http://"))),
			UsePathStyle: true, Region: "eu-central-1", HTTPClient: client, RetryMaxAttempts: 1,
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "key", SecretAccessKey: "secret"}, nil
			}),
		}))
		w.Hangup()
	})
}

func use(w *lab.Way, client *s3.Client) {
	bucket, key := aws.String("bucket"), aws.String("key")
	_, err := client.CreateBucket(w.Context(), &s3.CreateBucketInput{Bucket: bucket})
	w.Must("bucket", err)
	data := bytes.Repeat([]byte("3 B"), 1e6)
	_, err = client.PutObject(w.Context(), &s3.PutObjectInput{Bucket: bucket, Key: key, Body: bytes.NewReader(data)})
	w.Must("put", err)
	w.MarkAll()
	object, err := client.GetObject(w.Context(), &s3.GetObjectInput{Bucket: bucket, Key: key})
	w.Must("get", err)
	got, err := io.ReadAll(object.Body)
	w.Note("got", bytes.Equal(data, got), err, object.Body.Close())
	_, err = client.GetObject(w.Context(), &s3.GetObjectInput{Bucket: bucket, Key: aws.String("nothing")})
	w.Note("nothing", err != nil)
}
