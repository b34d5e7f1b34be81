package main

import (
	"fmt"
	"slices"
	"strings"
)

// A call is a command with its flags, as the go command reads them.
type call struct {
	command string
	dir     string // of -C, which comes first
	flags   []flag
	args    []string // what follows the flags
}

// A flag is one flag, with all its words as they were given.
type flag struct {
	name  string // without dashes
	value string
	words []string
}

// The flags of the go command that take no value in a word of their own. Which
// name does may depend on the command.
var boolFlags = map[string][]string{
	"":     {"a", "asan", "auto", "buildvcs", "cover", "i", "json", "linkshared", "modcacherw", "msan", "n", "race", "trimpath", "v", "work", "x"},
	"list": {"compiled", "deps", "e", "export", "find", "m", "retracted", "test", "u", "versions"},
	"test": {"artifacts", "benchmem", "c", "failfast", "fullpath", "short"},
	"vet":  {"diff", "fix", "flags"},
}

// valueFlags are those of which it is known that they take a value.
var valueFlags = strings.Fields(`C asmflags bench benchtime blockprofile blockprofilerate buildmode compiler
	count covermode coverpkg coverprofile cpu cpuprofile exec exporters f fuzz fuzzminimizetime fuzztime gccgoflags gcflags
	installsuffix ldflags list memprofile memprofilerate mod modfile mutexprofile mutexprofilefraction o outputdir
	overlay p parallel pgo pkgdir reuse run shuffle skip tags timeout toolexec trace vet vettool`)

// parse reads the arguments that follow a command of the go command. Flags end
// at the first word that is none, but those of go test, which may be anywhere
// before -args.
func parse(command string, args []string) (*call, error) {
	c := &call{command: command}
	for len(args) > 0 {
		f, n := nextFlag(command, args)
		if n == 0 {
			break
		}
		c.flags = append(c.flags, f)
		args = args[n:]
	}
	c.args = args
	return c, c.takeDir()
}

// nextFlag returns the flag that args begin with, and how many words it has.
// None ends the flags. Among those of go test, packages count as flags without
// a name.
func nextFlag(command string, args []string) (f flag, n int) {
	name, value, hasValue, ok := cutFlag(args[0])
	switch {
	case command == "test" && !ok && args[0] != "--":
		n = 1
	case !ok, command == "test" && name == "args":
		return flag{}, 0
	case !hasValue && takesNext(command, name, args[1:]):
		value, n = args[1], 2
	default:
		n = 1
	}
	return flag{name, value, args[:n]}, n
}

// cutFlag takes a word apart that begins with dashes.
func cutFlag(word string) (name, value string, hasValue, ok bool) {
	name, dash := strings.CutPrefix(word, "-")
	if !dash || name == "" || name == "-" {
		return "", "", false, false
	}
	name = strings.TrimPrefix(name, "-")
	name, value, hasValue = strings.Cut(name, "=")
	return name, value, hasValue, true
}

// takesNext reports whether a flag without = has its value in the next word.
// Of an unknown one, such as a test's or an analyzer's own, a guess is made.
func takesNext(command, name string, next []string) bool {
	name = strings.TrimPrefix(name, "test.")
	switch {
	case len(next) == 0 || slices.Contains(boolFlags[""], name) || slices.Contains(boolFlags[command], name):
		return false
	case slices.Contains(valueFlags, name):
		return true
	}
	return !strings.HasPrefix(next[0], "-")
}

// takeDir moves -C, which is only allowed in front.
func (c *call) takeDir() error {
	for i, f := range c.flags {
		if f.name == "C" && i == 0 {
			c.dir = f.value
		} else if f.name == "C" {
			return fmt.Errorf("the flag -C must come first, after netstats %s", c.command)
		}
	}
	if c.dir != "" {
		c.flags = c.flags[1:]
	}
	return nil
}

// value returns the last value of a flag.
func (c *call) value(name string) (value string, ok bool) { return lastValue(c.flags, name) }

func lastValue(flags []flag, name string) (value string, ok bool) {
	for _, f := range flags {
		if f.name == name {
			value, ok = f.value, true
		}
	}
	return value, ok
}

// auto reports whether the call asks for it.
func (c *call) auto() (on bool) {
	for _, f := range c.flags {
		if f.name == "auto" {
			on, _ = f.on() // a wrong value is a misuse
		}
	}
	return on
}

// packages returns the packages that the call names, "." if none.
func (c *call) packages() []string {
	packages := c.args
	switch {
	case c.command == "run" && len(c.args) > 0:
		packages = c.args[:c.files()]
	case c.command == "test":
		packages = nil
		for _, f := range c.flags {
			if f.name == "" {
				packages = append(packages, f.words...)
			}
		}
	}
	if len(packages) == 0 {
		return []string{"."}
	}
	return packages
}

// files is how many arguments of `go run` name what is to be run: several if they
// are Go files.
func (c *call) files() int {
	n := 0
	for n < len(c.args) && strings.HasSuffix(c.args[n], ".go") {
		n++
	}
	return max(n, 1)
}

// setPackages replaces the packages that the call names.
func (c *call) setPackages(packages []string) {
	switch c.command {
	case "run":
		c.args = slices.Concat(packages, c.args[min(c.files(), len(c.args)):])
	case "test":
		c.flags = slices.DeleteFunc(slices.Clone(c.flags), func(f flag) bool { return f.name == "" })
		for _, p := range packages {
			c.flags = append(c.flags, flag{words: []string{p}})
		}
	default:
		c.args = packages
	}
}

// set replaces a flag.
func (c *call) set(name, value string) {
	c.flags = slices.DeleteFunc(slices.Clone(c.flags), func(f flag) bool { return f.name == name })
	c.flags = append(c.flags, flag{name, value, []string{"-" + name + "=" + value}})
}

// words returns the arguments for the go command: added flags first, then the
// user's, but for those that were replaced.
func (c *call) words(added []string, replaced ...string) []string {
	words := []string{c.command}
	if c.dir != "" {
		words = append(words, "-C", c.dir)
	}
	words = append(words, added...)
	for _, f := range c.flags {
		if f.name == "" || !slices.Contains(replaced, f.name) {
			words = append(words, f.words...)
		}
	}
	return append(words, c.args...)
}

// parseGOFLAGS reads the variable, in which values may be quoted.
func parseGOFLAGS(value string) []flag {
	var flags []flag
	for _, word := range splitQuoted(value) {
		if name, value, _, ok := cutFlag(word); ok {
			flags = append(flags, flag{name, value, []string{word}})
		}
	}
	return flags
}

// splitQuoted splits at blanks; a word that begins with a quote ends at the
// next one. Nothing is escaped.
func splitQuoted(s string) []string {
	var words []string
	for s = strings.TrimLeft(s, " \t\r\n"); s != ""; s = strings.TrimLeft(s, " \t\r\n") {
		end := " \t\r\n"
		if s[0] == '\'' || s[0] == '"' {
			s, end = s[1:], s[:1]
		}
		n := strings.IndexAny(s, end)
		if n < 0 {
			return append(words, s)
		}
		words = append(words, s[:n])
		s = s[n+1:]
	}
	return words
}
