package terminal_test

import (
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/netstats-go/netstats/internal/terminal"
)

func TestText(t *testing.T) {
	for _, test := range []struct {
		name, text string
		width      int
		want       string
	}{
		{"nothing", "", 10, ""},
		{"an address", "db.example:5432", 60, "db.example:5432"},
		{"blanks, quotes and backslashes", `a "b" \c 'd'`, 60, `a "b" \c 'd'`},
		{"letters of others", "bücher.example, 例え.テスト", 60, "bücher.example, 例え.テスト"},
		{"escapes", "\x1b]0;owned\x07\x1b[2J\x1b[31mx:1", 60, `\x1b]0;owned\a\x1b[2J\x1b[31mx:1`},
		{"a forged line", "a\nnetstats: 0 connections, all fine\nb:80", 60, `a\nnetstats: 0 connections, all fine\nb:80`},
		{"back to the start of the line", "a\rb\tc\x00", 60, `a\rb\tc\x00`},
		{"eight-bit controls", "a\u009b2Jb\u0085c\x7f", 60, `a\u009b2Jb\u0085c\x7f`},
		{"the same as bytes", "a\x9b2J\xff", 60, `a\x9b2J\xff`},
		{"from right to left", "a\u202eb\u2066c\u200fd", 60, `a\u202eb\u2066c\u200fd`},
		{"not to be seen", "a\u200bb\ufeffc\U000e0041d", 60, `a\u200bb\ufeffc\U000e0041d`},
		{"other ends of lines", "a\u2028b\u2029c\u00a0", 60, `a\u2028b\u2029c\u00a0`},
		{"the replacement character itself", "a\ufffdb", 60, "a\ufffdb"},
		{"half a rune", "a\xe2\x82", 60, `a\xe2\x82`},
		{"as wide as it may be", "abcde", 5, "abcde"},
		{"wider", "abcdef", 5, "abcd…"},
		{"wider by a rune of many bytes", "aбвгд", 4, "aбв…"},
		{"escapes are not cut in two", "abc\u202edef", 8, "abc…"},
		{"an escape that just fits", "abc\u202e", 9, `abc\u202e`},
		{"an escape at the edge", "abc\u202ed", 9, "abc…"},
		{"one rune", "abc", 1, "…"},
		{"no room at all", "abc", 0, "…"},
	} {
		got := terminal.Text(test.text, test.width)
		if got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
		if again := terminal.Text(got, max(test.width, 1)); again != got {
			t.Errorf("%s: got %s, of which Text makes %s", test.name, got, again)
		}
	}
}

func TestLines(t *testing.T) {
	for text, want := range map[string]string{
		"a:\n\tb\n\nc":             "a:\n\tb\n\nc",
		"a:\n\t\x1b[2Jb\r\n\u202e": "a:\n\t\\x1b[2Jb\\r\n\\u202e",
		strings.Repeat("x\n", 50):  strings.Repeat("x\n", 29) + "x…",
	} {
		if got := terminal.Lines(text, 60); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// However long a text is, the work is that of what is shown.
func TestLongText(t *testing.T) {
	for _, part := range []string{"x", "\x1b", "é", "\xff"} {
		short, long := strings.Repeat(part, 100), strings.Repeat(part, 1<<20)
		got, want := terminal.Text(long, 60), terminal.Text(short, 60)
		if got != want || utf8.RuneCountInString(got) > 60 || !strings.HasSuffix(got, "…") {
			t.Errorf("%q: got %d bytes %.100s, want %s", part, len(got), got, want)
		}
		few := testing.AllocsPerRun(10, func() { terminal.Text(short, 60) })
		if many := testing.AllocsPerRun(10, func() { terminal.Text(long, 60) }); many > few {
			t.Errorf("%q: got %v allocations, want %v", part, many, few)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("\x1b[2Jx\n\u202e\xff…", 7)
	f.Fuzz(func(t *testing.T, text string, width int) {
		width = 1 + width&0xff
		got := terminal.Text(text, width)
		if n := utf8.RuneCountInString(got); n > width {
			t.Errorf("%d runes, want %d at most", n, width)
		}
		if i := strings.IndexFunc(got, func(r rune) bool { return !strconv.IsPrint(r) }); i >= 0 || !utf8.ValidString(got) {
			t.Errorf("%q is not fit for a terminal", got)
		}
		if again := terminal.Text(got, width); again != got {
			t.Errorf("got %q, of which Text makes %q", got, again)
		}
	})
}
