package main

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/netstats-go/netstats/otelnetstats"
)

func TestReport(t *testing.T) {
	var out strings.Builder
	err := run(&out)
	if errors.Is(err, otelnetstats.ErrNotCaptureBuild) {
		// The test in cmd/netstats runs this in a capture build.
		if !strings.Contains(err.Error(), "go tool netstats build") {
			t.Errorf("the error does not say what to do: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	const want = `^tcp to 127\.0\.0\.1:\d+, opened by net/http: received 10\d{3} bytes, sent \d+
tcp to 127\.0\.0\.1:\d+, opened by github\.com/netstats-go/netstats/examples/capture: received \d+ bytes, sent \d+
$`
	if got := out.String(); !regexp.MustCompile(want).MatchString(got) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
