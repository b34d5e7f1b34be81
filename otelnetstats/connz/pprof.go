package connz

import (
	"os"
	"runtime"
	"time"
)

// A pprof is a profile in the format of go tool pprof, as it is put together: see
// github.com/google/pprof/proto/profile.proto, which has the numbers of the fields.
type pprof struct {
	message
	strings   map[string]int64
	functions map[string]int64 // by name and file
	locations map[line]int64
}

// A line is one of a function.
type line struct {
	function int64
	line     int
}

// The fields of a profile.
const (
	fieldSampleType  = 1
	fieldSample      = 2
	fieldMapping     = 3
	fieldLocation    = 4
	fieldFunction    = 5
	fieldString      = 6
	fieldTime        = 9
	fieldDuration    = 10
	fieldDefaultType = 14
)

func newPprof(types [][2]string, defaultType string, at time.Time, d time.Duration) *pprof {
	p := &pprof{strings: make(map[string]int64), functions: make(map[string]int64), locations: make(map[line]int64)}
	p.string("") // the first is empty
	for _, t := range types {
		var m message
		m.number(1, p.string(t[0]))
		m.number(2, p.string(t[1]))
		p.bytes(fieldSampleType, m)
	}
	var mapping message
	mapping.number(1, 1)
	mapping.number(5, p.string(os.Args[0]))
	mapping.number(7, 1) // functions, files, lines and inlined calls are known
	mapping.number(8, 1)
	mapping.number(9, 1)
	mapping.number(10, 1)
	p.bytes(fieldMapping, mapping)
	p.number(fieldTime, at.UnixNano())
	p.number(fieldDuration, int64(d))
	p.number(fieldDefaultType, p.string(defaultType))
	return p
}

// string returns a string's place in the table.
func (p *pprof) string(s string) int64 {
	n, ok := p.strings[s]
	if !ok {
		n = int64(len(p.strings))
		p.strings[s] = n
		p.bytes(fieldString, []byte(s))
	}
	return n
}

func (p *pprof) function(name, file string) int64 {
	key := name + "\x00" + file
	id, ok := p.functions[key]
	if !ok {
		id = int64(len(p.functions)) + 1
		p.functions[key] = id
		var m message
		m.number(1, id)
		m.number(2, p.string(name))
		m.number(3, p.string(name))
		m.number(4, p.string(file))
		p.bytes(fieldFunction, m)
	}
	return id
}

func (p *pprof) location(f runtime.Frame) int64 {
	at := line{p.function(f.Function, f.File), f.Line}
	id, ok := p.locations[at]
	if !ok {
		id = int64(len(p.locations)) + 1
		p.locations[at] = id
		var l, m message
		l.number(1, at.function)
		l.number(2, int64(at.line))
		m.number(1, id)
		m.number(2, 1)
		m.number(3, id) // an address, which it has none of
		m.bytes(4, l)
		p.bytes(fieldLocation, m)
	}
	return id
}

// sample adds values of a stack, innermost call first, and labels, as names and values.
func (p *pprof) sample(frames []runtime.Frame, values []int64, labels [][2]string) {
	locations := make([]int64, len(frames))
	for i, f := range frames {
		locations[i] = p.location(f)
	}
	var m message
	m.numbers(1, locations)
	m.numbers(2, values)
	for _, l := range labels {
		if l[1] == "" {
			continue
		}
		var label message
		label.number(1, p.string(l[0]))
		label.number(2, p.string(l[1]))
		m.bytes(3, label)
	}
	p.bytes(fieldSample, m)
}
