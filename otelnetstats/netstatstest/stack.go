package netstatstest

import (
	"bytes"
	"fmt"
	"reflect"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
)

const (
	// maxFrames bounds how far up the stack a dial is followed.
	maxFrames = 64
	// maxGoroutines bounds the text of all goroutines' stacks that is looked through.
	maxGoroutines = 4 << 20
)

// A stack says who dialed.
type stack struct {
	frames   []frame // innermost first; of the program
	http     bool    // a pool of net/http dialed
	resolver bool    // package net dialed, to look up a name
}

type frame struct {
	function string
	file     string
	line     int
}

func (f frame) String() string { return fmt.Sprintf("%s:%d", f.file, f.line) }

// String has a frame on each line.
func (s *stack) String() string {
	var b strings.Builder
	for _, f := range s.frames {
		fmt.Fprintf(&b, "%s\n\t%s\n", f.function, f)
	}
	return b.String()
}

// stackOfDial is the stack of the calling goroutine, without what stands above and
// below the program. A pool of net/http dials in a goroutine of its own: then it is
// that of the request for which it does.
func stackOfDial() *stack {
	var pcs [maxFrames]uintptr
	s := new(stack)
	s.read(runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])]))
	if len(s.frames) > 0 && !s.http {
		return s
	}
	if creator := creatorOf(stackText(false)); creator != "" {
		text := goroutine(stackText(true), creator)
		if !s.http || strings.Contains(text, "\nnet/http.(*Transport).getConn(") { // it still waits
			s.frames = append(s.frames, framesOf(text)...)
		}
	}
	return s
}

func (s *stack) read(frames *runtime.Frames) {
	for {
		f, more := frames.Next()
		path := packagePath(f.Function)
		s.http = s.http || strings.HasPrefix(f.Function, "net/http.(*Transport).")
		s.resolver = s.resolver || strings.HasPrefix(f.Function, "net.(*Resolver).exchange")
		if !standard(path) && !own(path) {
			s.frames = append(s.frames, frame{f.Function, f.File, f.Line})
		}
		if !more {
			return
		}
	}
}

// stackText is what package runtime prints of this goroutine, or of all.
func stackText(all bool) []byte {
	for size := 16 << 10; ; size *= 4 {
		buf := make([]byte, size)
		if n := runtime.Stack(buf, all); n < size || size >= maxGoroutines {
			return buf[:n]
		}
	}
}

// creatorOf is the number of the goroutine that started the one whose stack it is.
func creatorOf(text []byte) string {
	i := bytes.LastIndex(text, []byte("\ncreated by "))
	if i < 0 {
		return ""
	}
	line, _, _ := bytes.Cut(text[i+1:], []byte("\n"))
	_, number, _ := bytes.Cut(line, []byte(" in goroutine "))
	return string(number)
}

// goroutine is the part of the text that is about one.
func goroutine(text []byte, number string) string {
	for part := range bytes.SplitSeq(text, []byte("\n\n")) {
		if bytes.HasPrefix(part, []byte("goroutine "+number+" ")) {
			return string(part)
		}
	}
	return ""
}

// framesOf reads the frames of the program in a goroutine's text: for each a line
// with the function and its arguments, and one with the file.
func framesOf(text string) (frames []frame) {
	lines := strings.Split(text, "\n")
	for i := 1; i+1 < len(lines); i += 2 {
		function := strings.TrimPrefix(lines[i], "created by ")
		function, _, _ = strings.Cut(function, " in goroutine ")
		if args := strings.LastIndexByte(function, '('); args > 0 && strings.HasSuffix(function, ")") {
			function = function[:args]
		}
		if path := packagePath(function); standard(path) || own(path) {
			continue
		}
		place, _, _ := strings.Cut(strings.TrimSpace(lines[i+1]), " +0x")
		colon := strings.LastIndexByte(place, ':')
		if colon < 0 {
			continue
		}
		line, _ := strconv.Atoi(place[colon+1:])
		frames = append(frames, frame{function, place[:colon], line})
	}
	return frames
}

// packagePath is the path of a function's package, as in its symbol name:
// example.com/a.b/c%2ed.(*T).f is of package example.com/a.b/c.d.
func packagePath(function string) string {
	function, _, _ = strings.Cut(function, "[") // type arguments have paths, too
	last := strings.LastIndexByte(function, '/') + 1
	dot := strings.IndexByte(function[last:], '.')
	if dot < 0 {
		return ""
	}
	return strings.ReplaceAll(function[:last+dot], "%2e", ".")
}

var ownPath = reflect.TypeFor[Watcher]().PkgPath()

// own reports whether a package stands between the program and package net.
func own(path string) bool {
	library := strings.TrimSuffix(ownPath, "/netstatstest")
	module := strings.TrimSuffix(library, "/otelnetstats")
	return path == ownPath || path == library || strings.HasPrefix(path, module+"/internal/")
}

// standard reports whether a package is one of the standard library: its path
// begins with an element that has no dot, and is not that of a module of the
// program, which may have none either.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	if strings.Contains(first, ".") || path == "main" || first == "command-line-arguments" {
		return false
	}
	for _, module := range dotless() {
		if path == module || strings.HasPrefix(path, module+"/") || path == module+"_test" {
			return false
		}
	}
	return true
}

// dotless are the program's modules whose paths look like those of the standard
// library.
var dotless = sync.OnceValue(func() (paths []string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	for _, m := range append(info.Deps, &info.Main) {
		if first, _, _ := strings.Cut(m.Path, "/"); first != "" && !strings.Contains(first, ".") {
			paths = append(paths, m.Path)
		}
	}
	return paths
})

// runsIn reports whether a function is on the calling goroutine's stack.
func runsIn(function string) bool {
	var pcs [maxFrames]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if f.Function == function {
			return true
		}
		if !more {
			return false
		}
	}
}

// closedByPool reports whether the calling goroutine is a Watcher's that closes what
// is idle.
func closedByPool() bool { return runsIn(ownPath + ".(*Watcher).closeIdle") }

// closedByRequest reports whether the calling goroutine is one of net/http's that
// gives a connection up as its request is cancelled.
func closedByRequest() bool { return runsIn("net/http.(*persistConn).cancelRequest") }

// unreadBodies is how many connections of net/http wait for the body of a response
// to be read or closed: the goroutine that reads from one then selects, while it is
// in a read when the connection is idle or waits for a response.
func unreadBodies() (n int) {
	for part := range bytes.SplitSeq(stackText(true), []byte("\n\n")) {
		header, frames, _ := bytes.Cut(part, []byte("\n"))
		if bytes.Contains(header, []byte(" [select")) && bytes.HasPrefix(frames, []byte("net/http.(*persistConn).readLoop(")) {
			n++
		}
	}
	return n
}
