package lab

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// A transcript is what a library returned, line by line.
type transcript struct {
	mu    sync.Mutex
	lines []string
}

func (s *transcript) add(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line)
}

// differs returns the first line that is not the same, and an empty string if
// all are.
func (s *transcript) differs(other *transcript) string {
	for i := range max(len(s.lines), len(other.lines)) {
		if a, b := s.line(i), other.line(i); a != b {
			return fmt.Sprintf("line %d is\n\t%s\nand not\n\t%s", i+1, b, a)
		}
	}
	return ""
}

func (s *transcript) line(i int) string {
	if i < len(s.lines) {
		return s.lines[i]
	}
	return "(none)"
}

var ports = regexp.MustCompile(`(127\.0\.0\.1|\[::1\]|localhost):\d+`)

// describe says of an error what programs look at: the types, whether it is a
// timeout, and the text, without the port, which is another each time.
func describe(err error) string {
	if err == nil {
		return "no error"
	}
	text := ports.ReplaceAllString(err.Error(), "$1")
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		text += " (timeout)"
	}
	return strings.Join(types(err), " ") + ": " + text
}

func types(err error) []string {
	list := []string{fmt.Sprintf("%T", err)}
	switch e := err.(type) { //nolint:errorlint // it is the tree itself that is looked at
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			list = append(list, types(inner)...)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			list = append(list, types(inner)...)
		}
	}
	return list
}
