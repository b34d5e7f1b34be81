package connz

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// none stands for what is not known.
const none = "–"

// duration is d with three digits at most, as a reader wants it.
func duration(d time.Duration) string {
	switch {
	case d <= 0:
		return "0 s"
	case d < time.Microsecond:
		return "< 1 µs"
	case d < time.Millisecond:
		return digits(float64(d)/float64(time.Microsecond)) + " µs"
	case d < time.Second:
		return digits(float64(d)/float64(time.Millisecond)) + " ms"
	case d < time.Minute:
		return digits(d.Seconds()) + " s"
	case d < time.Hour:
		return pair(d, time.Minute, "m", time.Second, "s")
	case d < 48*time.Hour:
		return pair(d, time.Hour, "h", time.Minute, "m")
	}
	return pair(d, 24*time.Hour, "d", time.Hour, "h")
}

func pair(d, large time.Duration, largeName string, small time.Duration, smallName string) string {
	return fmt.Sprintf("%d %s %02d %s", d/large, largeName, d%large/small, smallName)
}

// size is n bytes.
func size(n float64) string {
	for _, unit := range [...]string{" B", " kB", " MB", " GB", " TB"} {
		if n < 999.5 {
			if unit == " B" {
				return strconv.FormatFloat(n, 'f', 0, 64) + unit
			}
			return digits(n) + unit
		}
		n /= 1000
	}
	return digits(n) + " PB"
}

func byteCount(n int64) string { return size(float64(n)) }

// rate is bytes a second, empty if there are none.
func (r rates) text(v float64) string {
	switch {
	case !r.known:
		return none
	case v < 0.5:
		return "0"
	}
	return size(v) + "/s"
}

// digits is v with three digits at most.
func digits(v float64) string {
	switch {
	case v < 9.995:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case v < 99.95:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}

// count is n with its thousands set apart.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	for at := len(s) - 3; at > 0 && s[at-1] != '-'; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}

// printable returns s as it may be shown: what a terminal could take for an order, or
// would turn the text after it around, is quoted.
func printable(s string) string {
	for _, r := range s {
		if !strconv.IsPrint(r) {
			q := strconv.Quote(s)
			return strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
		}
	}
	return s
}

// clock is a time of the day.
func clock(t time.Time) string { return t.Local().Format("15:04:05.000") }
