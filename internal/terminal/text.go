package terminal

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// ellipsis ends what was cut.
const ellipsis = "…"

// Text returns s in one line: what [strconv.IsPrint] does not call printable,
// invalid UTF-8 too, is escaped as [strconv.Quote] does. Of a longer text,
// width runes are shown, of which the last is an ellipsis; the rest of s is not
// looked at. What Text returned, it returns as it is.
func Text(s string, width int) string { return show(s, width, "") }

// Lines is like [Text] for what is known to have several lines, such as the
// output of another command: newlines and tabs stay. width is for all of them.
func Lines(s string, width int) string { return show(s, width, "\n\t") }

func show(s string, width int, kept string) string {
	var out []byte
	shown, fit := 0, 0 // runes in out; bytes of it that leave room for the ellipsis
	for s != "" {
		_, size := utf8.DecodeRuneInString(s)
		char := escape(s[:size], kept)
		out = append(out, char...)
		shown += utf8.RuneCountInString(char)
		switch {
		case shown > width:
			return string(out[:fit]) + ellipsis
		case shown < width:
			fit = len(out)
		}
		s = s[size:]
	}
	return string(out)
}

// escape returns a rune, or an invalid byte, as it is shown.
func escape(char, kept string) string {
	r, size := utf8.DecodeRuneInString(char)
	valid := r != utf8.RuneError || size > 1
	if valid && strconv.IsPrint(r) || strings.Contains(kept, char) {
		return char
	}
	return strings.Trim(strconv.Quote(char), `"`)
}
