//go:build !windows && !plan9

package connstat_test

import (
	"errors"
	"syscall"
	"testing"

	"github.com/netstats-go/netstats/internal/connstat"
)

// TestCloseWrite: whose doing it is that a write fails.
func TestCloseWrite(t *testing.T) {
	var (
		good   = func() error { return nil }
		bad    = func() error { return errors.New("not connected") }
		broken = writes(0, syscall.EPIPE)
	)
	half := func(inner func() error) func(*life) {
		return func(l *life) { _ = l.CloseWrite(inner) }
	}
	for _, test := range []struct {
		name    string
		history history
		want    connstat.Reason
	}{
		{"written after it", history{half(good), broken}, connstat.Local},
		{"while a write waits, which fails before CloseWrite returns", history{func(l *life) {
			_ = l.CloseWrite(func() error { broken(l); return nil })
		}}, connstat.Local},
		{"it fails", history{half(bad), broken}, connstat.Reset},
		{"twice, and the second fails", history{half(good), half(bad), broken}, connstat.Local},
	} {
		t.Run(test.name, func(t *testing.T) {
			var g group
			l := g.open(connstat.Config{})
			for _, step := range test.history {
				step(l)
			}
			l.Closing()
			if got := l.Reason(); got != test.want {
				t.Errorf("reason %d, want %d", got, test.want)
			}
		})
	}
}

// TestUsed: something may have happened to a connection that moved bytes, or whose
// descriptor was given out.
func TestUsed(t *testing.T) {
	for name, test := range map[string]struct {
		use  func(*life)
		want bool
	}{
		"nothing":           {func(*life) {}, false},
		"a read that fails": {reads(0, errOther), false},
		"a byte was read":   {reads(1, nil), true},
		"a byte was sent":   {writes(1, nil), true},
		"lent":              {func(l *life) { l.Lent() }, true},
	} {
		l := new(group).open(connstat.Config{})
		if test.use(l); l.Used() != test.want {
			t.Errorf("%s: used: %v, want %v", name, l.Used(), test.want)
		}
	}
}
