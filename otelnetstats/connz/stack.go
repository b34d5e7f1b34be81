package connz

import (
	"fmt"
	"path/filepath"
	"runtime"
)

// stack is where the connection was dialed, innermost first; nil where stacks are not
// kept.
func (i *item) stack() (lines []string) {
	if i.Origin == nil || len(i.Origin.Stack) == 0 {
		return nil
	}
	frames := runtime.CallersFrames(i.Origin.Stack)
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		lines = append(lines, fmt.Sprintf("%s  %s:%d", f.Function, filepath.Base(f.File), f.Line))
	}
	return lines
}
