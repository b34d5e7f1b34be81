package live

import (
	"path"
	"path/filepath"
	"runtime"
	"strings"
)

// An Origin is where connections come from. There is one for each place in the
// program, so that two can be compared by their addresses.
type Origin struct {
	// Caller is the path of the package that opens them, empty if it is not known.
	Caller string
	// Stack is that of the dial, innermost first, as runtime.Callers has it. It
	// is nil where stacks are not kept.
	Stack []uintptr
}

// Frames are the calls of the stack, innermost first, without this module's own before
// them and the runtime's behind. It is nil where stacks are not kept.
func (o *Origin) Frames() (all []runtime.Frame) {
	if o == nil || len(o.Stack) == 0 {
		return nil
	}
	frames := runtime.CallersFrames(o.Stack)
	for more := true; more; {
		var f runtime.Frame
		if f, more = frames.Next(); len(all) > 0 || !own(&f) {
			all = append(all, f)
		}
	}
	for n := len(all); n > 0 && strings.HasPrefix(all[n-1].Function, "runtime."); n-- {
		all = all[:n-1]
	}
	return all
}

const ownPath = "github.com/netstats-go/netstats/"

// own reports whether a call is one of package otelnetstats, or below it. A function
// that was put into its caller has the name of that, and its own file.
func own(f *runtime.Frame) bool {
	if strings.HasPrefix(f.Function, ownPath+"internal/") {
		return true
	}
	file := filepath.ToSlash(f.File)
	return path.Base(path.Dir(file)) == "otelnetstats" && !strings.HasSuffix(file, "_test.go")
}
