package auto

import (
	"io"
	"os"
	"strings"

	"github.com/netstats-go/netstats/internal/terminal"
)

// maxComplaint bounds a line: a collector may answer with a page of HTML.
const maxComplaint = 500

// Complain writes to stderr, a line for each error that err is made of: neither
// stdout nor package log are ours.
func Complain(err error) {
	_, _ = io.WriteString(os.Stderr, complaint(err)) // there is no other place to complain
}

// complaint has a line for each error. What they quote is not ours: newlines in
// it are escaped, or else it could go on with a line that looks like one of
// ours.
func complaint(err error) string {
	var b strings.Builder
	for _, line := range lines(err) {
		b.WriteString("netstats: " + terminal.Text(line, maxComplaint) + "\n")
	}
	return b.String()
}

// lines takes apart what errors.Join put together, also below other errors, as
// in "traces: a\nb". Each line has all that was put in front.
func lines(err error) []string {
	text := err.Error()
	switch e := err.(type) { //nolint:errorlint // the layers are looked at one by one
	case interface{ Unwrap() []error }:
		if all := apart(text, e.Unwrap()); all != nil {
			return all
		}
	case interface{ Unwrap() error }:
		if all := behind(text, e.Unwrap()); all != nil {
			return all
		}
	}
	return []string{text}
}

// apart returns the lines of several errors; nil if the text is not theirs,
// one a line. That of fmt.Errorf with several errors is another.
func apart(text string, errs []error) []string {
	var all, texts []string
	for _, err := range errs {
		if err != nil {
			all, texts = append(all, lines(err)...), append(texts, err.Error())
		}
	}
	if text != strings.Join(texts, "\n") {
		return nil
	}
	return all
}

// behind returns the lines of a wrapped error, each with what the text has
// before it; nil if the text does not end in that error.
func behind(text string, wrapped error) []string {
	if wrapped == nil {
		return nil
	}
	before, ok := strings.CutSuffix(text, wrapped.Error())
	if !ok {
		return nil
	}
	all := lines(wrapped)
	for i := range all {
		all[i] = before + all[i]
	}
	return all
}
