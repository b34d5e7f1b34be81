package providers

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// A Choice is an environment variable that names exporters or the like.
type Choice struct {
	Variable string
	// Known are the names that a program knows.
	Known []string
	// Elsewhere are those that it would know if it were built with all exporters.
	Elsewhere []string
	// Several may be named, with commas in between.
	Several bool
}

// Value is what the environment says.
func (c Choice) Value() string { return os.Getenv(c.Variable) }

// Check returns an error if what is chosen is not known.
func (c Choice) Check() error {
	for _, name := range c.names() {
		if slices.Contains(c.Elsewhere, name) {
			return fmt.Errorf("%s=%s: this program was built without it; build it with -exporters=all", c.Variable, c.Value())
		}
	}
	if c.Value() != "" && !c.knows() {
		return c.unknown(errors.New("unknown"))
	}
	return nil
}

// Explain adds to an error what was chosen, where that is not known: the error
// itself names neither the value nor the others.
func Explain(err error, choices ...Choice) error {
	for _, c := range choices {
		if err != nil && c.Value() != "" && !c.knows() {
			return c.unknown(err)
		}
	}
	return err
}

func (c Choice) unknown(err error) error {
	return fmt.Errorf("%s=%s: %w; known are %s", c.Variable, c.Value(), err, strings.Join(c.Known, ", "))
}

// knows reports whether all that is chosen is known.
func (c Choice) knows() bool {
	return !slices.ContainsFunc(c.names(), func(name string) bool { return !slices.Contains(c.Known, name) })
}

func (c Choice) names() []string {
	if c.Several {
		return strings.Split(c.Value(), ",")
	}
	return []string{c.Value()}
}
