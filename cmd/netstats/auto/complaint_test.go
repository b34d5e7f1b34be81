package auto

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestComplaint(t *testing.T) {
	a, b := errors.New("a"), errors.New("b")
	forged := errors.New("a\nnetstats: 0 connections, all fine\x1b[2J")
	for _, test := range []struct {
		name string
		err  error
		want string
	}{
		{"one", a, "netstats: a\n"},
		{"joined", errors.Join(a, errors.Join(b, a)), "netstats: a\nnetstats: b\nnetstats: a\n"},
		{"joined below others", fmt.Errorf("x: %w", fmt.Errorf("y: %w", errors.Join(a, b))), "netstats: x: y: a\nnetstats: x: y: b\n"},
		{"a line of a stranger's", fmt.Errorf("traces: %w", forged), `netstats: traces: a\nnetstats: 0 connections, all fine\x1b[2J` + "\n"},
		{"the same, joined", errors.Join(fmt.Errorf("traces: %w", forged), b), `netstats: traces: a\nnetstats: 0 connections, all fine\x1b[2J` + "\nnetstats: b\n"},
		{"two that are not joined", fmt.Errorf("%w\n%w", a, fmt.Errorf("%w: %w", b, forged)), "netstats: a\n" + `netstats: b: a\nnetstats: 0 connections, all fine\x1b[2J` + "\n"},
		{"two in a line", fmt.Errorf("%w\nand %w", a, b), `netstats: a\nand b` + "\n"},
		{"a wrapped one that is not shown", fmt.Errorf("%s%.0w", "x\ny", a), `netstats: x\ny` + "\n"},
		{"long", errors.New(strings.Repeat("x", 1<<20)), "netstats: " + strings.Repeat("x", maxComplaint-1) + "…\n"},
		{"with nothing in it", nothing{}, "netstats: nothing\n"},
	} {
		if got := complaint(test.err); got != test.want {
			t.Errorf("%s: got\n%s\nwant\n%s", test.name, got, test.want)
		}
	}
}

// nothing wraps no errors, where others would.
type nothing struct{}

func (nothing) Error() string   { return "nothing" }
func (nothing) Unwrap() []error { return []error{nil} }
