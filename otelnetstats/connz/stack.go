package connz

import (
	"fmt"
	"path/filepath"
)

// stack is where the connection was dialed, innermost first; nil where stacks are not
// kept.
func (i *item) stack() (lines []string) {
	for _, f := range i.Origin.Frames() {
		lines = append(lines, fmt.Sprintf("%s  %s:%d", f.Function, filepath.Base(f.File), f.Line))
	}
	return lines
}
