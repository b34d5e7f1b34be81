package connz

import (
	"testing"
	"time"
)

func TestNumbersAsTheyAreRead(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-1: "0 s", 0: "0 s", 1: "< 1 µs", 1500: "1.50 µs", 12345678: "12.3 ms", 999999999: "1000 ms",
		time.Second: "1.00 s", 59 * time.Second: "59.0 s", 61 * time.Second: "1 m 01 s",
		90 * time.Minute: "1 h 30 m", 50 * time.Hour: "2 d 02 h",
	} {
		if got := duration(d); got != want {
			t.Errorf("duration(%d) = %q, want %q", d, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.00 kB", 999_499: "999 kB", 999_500: "1.00 MB", 1_234_567_890: "1.23 GB", 1 << 62: "4612 PB"} {
		if got := byteCount(n); got != want {
			t.Errorf("byteCount(%d) = %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -100: "-100"} {
		if got := count(n); got != want {
			t.Errorf("count(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestPrintable(t *testing.T) {
	for s, want := range map[string]string{
		"plain": "plain", `with "quotes"`: `with "quotes"`, "\u05e9\u05dc": "\u05e9\u05dc",
		"\x1b[31m": `\x1b[31m`, "a\nb": `a\nb`, "\u202e": `\u202e`, "\x00\"": `\x00"`,
	} {
		if got := printable(s); got != want {
			t.Errorf("printable(%q) = %q, want %q", s, got, want)
		}
	}
}
