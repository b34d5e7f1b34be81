package main

import (
	"strings"
	"testing"
)

func TestWatchPanics(t *testing.T) {
	const before = "package runtime\n\n// Calls.\nfunc preprintpanics(p *_panic) {\n\tdefer x()\n}\n"
	const want = "package runtime\n\n// Calls.\nfunc preprintpanics(p *_panic) { defer netstatsPanicking();\n\tdefer x()\n}\n"
	got, err := watchPanics([]byte(before))
	if err != nil || string(got) != want {
		t.Errorf("got %v\n%s\nwant\n%s", err, got, want)
	}
	for _, source := range []string{
		"package runtime",
		"package",
		strings.Replace(before, "(p *_panic)", "(p, q *_panic)", 1),
		strings.Replace(before, "(p *_panic)", "(p *_panic) bool", 1),
		strings.Replace(before, "func ", "func (t) ", 1),
	} {
		if got, err := watchPanics([]byte(source)); err == nil {
			t.Errorf("no error for %q, but %s", source, got)
		}
	}
}
