package main

import (
	"regexp"
	"strings"
	"testing"
)

func TestLog(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	// The port is not known before.
	got := regexp.MustCompile(`127\.0\.0\.1:\d+|\[::1\]:\d+`).ReplaceAllString(out.String(), "server")
	got = regexp.MustCompile(`error=".*refused.*"`).ReplaceAllString(got, `error=refused`)
	want := `level=INFO msg=open to=server
level=INFO msg=mark to=server name="said hello" received=0 sent=6
level=WARN msg="over budget" to=server budget=1000
level=INFO msg=close to=server why=remote received=1200 sent=6
level=WARN msg="no connection" to=server error=refused
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
