package main

import (
	"bytes"
	"regexp"
	"testing"
)

func TestShow(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), "", &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`(?m)^serving on http://`,
		`(?m)^\d+ +open +→ .*examples/live.* task 0$`,
		`(?m)^\d+ +peer closed +→ `,
		`(?m)^f1 +connection_refused +→ localhost:1 `,
	} {
		if !regexp.MustCompile(want).Match(out.Bytes()) {
			t.Errorf("got\n%s\nwant a match of\n%s", &out, want)
		}
	}
}
