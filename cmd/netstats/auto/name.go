package auto

import (
	"strings"
	"unicode/utf8"
)

// maxName bounds the names that are kept, in bytes. That of a host has no more;
// one that a stranger chose may.
const maxName = 255

// cut returns the first n bytes of s, less if that were half a rune. They are
// in memory of their own, lest a few bytes keep a long text.
func cut(s string, n int) string {
	if len(s) > n {
		s = s[:whole(s, n)]
	}
	return strings.Clone(s)
}

// whole is the last place up to n where a rune begins, or n in what is no text.
func whole(s string, n int) int {
	for i := n; i > max(0, n-utf8.UTFMax); i-- {
		if utf8.RuneStart(s[i]) {
			return i
		}
	}
	return n
}
