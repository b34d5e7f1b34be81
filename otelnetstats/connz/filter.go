package connz

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// maxFilter bounds a filter's length, and so the number of its words.
const maxFilter = 500

// A filter has all of its words agree to an item. The zero filter agrees to all.
type filter []word

// A word is a part of a filter.
type word struct {
	not   bool
	match func(*item) bool
	// kernel is set if it asks for what the kernel has to be asked.
	kernel bool
}

func (f filter) match(i *item) bool {
	for _, w := range f {
		if w.match(i) == w.not {
			return false
		}
	}
	return true
}

// asksKernel reports whether the kernel is to be asked about each connection.
func (f filter) asksKernel() bool {
	for _, w := range f {
		if w.kernel {
			return true
		}
	}
	return false
}

// texts are the fields that are looked through for a text.
var texts = map[string]func(*item) string{
	"state":    (*item).state,
	"server":   func(i *item) string { return i.Server },
	"dialer":   func(i *item) string { return i.Name },
	"peer":     func(i *item) string { return i.Remote.String() },
	"local":    func(i *item) string { return i.Local.String() },
	"protocol": (*item).protocol,
	"caller":   func(i *item) string { return i.Caller() },
	"role":     func(i *item) string { return i.Role },
	"mark":     func(i *item) string { return i.Mark },
	"error":    func(i *item) string { return i.error },
	"id":       (*item).id,
}

// anywhere are those of them that a word without a field is looked for in.
var anywhere = []string{"server", "state", "peer", "caller", "protocol", "dialer", "mark", "error", "local"}

// A number is a field that is compared.
type number struct {
	value  func(*item) (v float64, known bool)
	parse  func(string) (float64, error)
	kernel bool
}

var numbers = map[string]number{
	"age":      {value: seconds((*item).age), parse: parseDuration},
	"idle":     {value: seconds((*item).idle), parse: parseDuration},
	"setup":    {value: seconds(func(i *item) time.Duration { return i.Setup.Total }), parse: parseDuration},
	"dns":      {value: seconds(spent("dns")), parse: parseDuration},
	"connect":  {value: seconds(spent("connect")), parse: parseDuration},
	"tls":      {value: seconds(spent("tls")), parse: parseDuration},
	"rtt":      {value: func(i *item) (float64, bool) { return i.tcp.RTT.Seconds(), i.asked }, parse: parseDuration, kernel: true},
	"resent":   {value: func(i *item) (float64, bool) { return float64(i.tcp.Retransmits), i.asked }, parse: parseSize, kernel: true},
	"received": {value: func(i *item) (float64, bool) { return float64(i.Received.Bytes), true }, parse: parseSize},
	"sent":     {value: func(i *item) (float64, bool) { return float64(i.Sent.Bytes), true }, parse: parseSize},
	"rx":       {value: func(i *item) (float64, bool) { return i.rates.received, i.rates.known }, parse: parseSize},
	"tx":       {value: func(i *item) (float64, bool) { return i.rates.sent, i.rates.known }, parse: parseSize},
	"marks":    {value: func(i *item) (float64, bool) { return float64(i.Marks), true }, parse: parseSize},
}

func seconds(f func(*item) time.Duration) func(*item) (float64, bool) {
	return func(i *item) (float64, bool) { return f(i).Seconds(), true }
}

func spent(kind string) func(*item) time.Duration {
	return func(i *item) time.Duration { return i.Setup.Spent(kind) }
}

var errLongFilter = fmt.Errorf("the filter is longer than %d bytes", maxFilter)

// parseFilter understands what the user wrote.
func parseFilter(s string) (filter, error) {
	if len(s) > maxFilter {
		return nil, errLongFilter
	}
	var f filter
	for _, text := range words(s) {
		w, err := parseWord(text)
		if err != nil {
			return nil, err
		}
		f = append(f, w)
	}
	return f, nil
}

// words splits s at spaces that are not within double quotes, and takes those away.
func words(s string) []string {
	quoted := false
	fields := strings.FieldsFunc(s, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return !quoted && unicode.IsSpace(r)
	})
	all := fields[:0]
	for _, field := range fields {
		if w := strings.ReplaceAll(field, `"`, ""); w != "" && w != "-" {
			all = append(all, w)
		}
	}
	return all
}

func parseWord(text string) (word, error) {
	bare, not := strings.CutPrefix(text, "-")
	w := word{not: not}
	if at := strings.IndexAny(bare, ":=<>"); at > 0 {
		name, op, value := bare[:at], bare[at], bare[at+1:]
		if field, ok := texts[name]; ok && (op == ':' || op == '=') {
			w.match = matchText(field, op == '=', strings.ToLower(value))
			w.kernel = name == "state" // it knows that the peer has left
			return w, nil
		}
		if field, ok := numbers[name]; ok {
			return w.compare(text, field, op, value)
		}
	}
	w.match = matchAnywhere(strings.ToLower(bare))
	return w, nil
}

func matchText(field func(*item) string, whole bool, value string) func(*item) bool {
	return func(i *item) bool {
		text := strings.ToLower(field(i))
		if whole {
			return text == value
		}
		return strings.Contains(text, value)
	}
}

func matchAnywhere(value string) func(*item) bool {
	return func(i *item) bool {
		for _, name := range anywhere {
			if strings.Contains(strings.ToLower(texts[name](i)), value) {
				return true
			}
		}
		return false
	}
}

// compare makes the word compare a number. What is not known is neither more nor less.
func (w word) compare(text string, field number, op byte, value string) (word, error) {
	if op != '<' && op != '>' {
		return w, fmt.Errorf("%s: a number is compared with < or >", text)
	}
	value, equal := strings.CutPrefix(value, "=")
	limit, err := field.parse(value)
	if err != nil {
		return w, fmt.Errorf("%s: %w", text, err)
	}
	w.kernel = field.kernel
	w.match = func(i *item) bool {
		v, known := field.value(i)
		return known && (op == '<' && v < limit || op == '>' && v > limit || equal && v == limit)
	}
	return w, nil
}

// parseDuration takes a number without a unit for seconds.
func parseDuration(s string) (float64, error) {
	if v, err := strconv.ParseFloat(s, 64); err == nil {
		return v, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, errors.New("a duration is wanted, such as 50ms, 2s or 1h30m")
	}
	return d.Seconds(), nil
}

var units = map[string]float64{"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12}

func parseSize(s string) (float64, error) {
	s = strings.TrimSuffix(strings.ToLower(s), "/s")
	s = strings.TrimSuffix(s, "b")
	digits := strings.TrimRight(s, "kmgt")
	v, err := strconv.ParseFloat(digits, 64)
	unit, ok := units[s[len(digits):]]
	if err != nil || !ok {
		return 0, errors.New("a number is wanted, such as 10, 4k or 1.5MB")
	}
	return v * unit, nil
}
