package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// A mutant is a change of one file that breaks it.
type mutant struct {
	name       string
	breaks     string  // a sentence
	file       string  // from the root of the repository, with slashes
	old, new   string  // whole lines
	suites     []suite // of which one must fail
	equivalent string  // why none can; empty for most
}

// A suite is a call of go test, in one of the modules.
type suite struct {
	in       string // the module's folder, from the root; the root if empty
	args     []string
	captured bool // by netstats test
}

// module returns the module's folder.
func (s suite) module(root string) string { return filepath.Join(root, filepath.FromSlash(s.in)) }

// captured reports whether one of its suites is of a capture build.
func (m mutant) captured() bool {
	return slices.ContainsFunc(m.suites, func(s suite) bool { return s.captured })
}

// apply returns the source with the change made.
func (m mutant) apply(source string) (string, error) {
	at, n := 0, 0
	for i := 0; i < len(source); {
		if strings.HasPrefix(source[i:], m.old) {
			at, n = i, n+1
		}
		line, _, _ := strings.Cut(source[i:], "\n")
		i += len(line) + 1
	}
	if n != 1 {
		return "", fmt.Errorf("%s: the lines are in %s %d times, not once", m.name, m.file, n)
	}
	return source[:at] + m.new + source[at+len(m.old):], nil
}

// readAll reads all documents of a directory, in order of their names.
func readAll(dir fs.FS) ([]mutant, error) {
	var all []mutant
	err := fs.WalkDir(dir, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(dir, path)
		if err != nil {
			return err
		}
		mutants, err := parse(string(text))
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, mutants...)
		return nil
	})
	return all, err
}

// parse takes a document apart.
func parse(text string) ([]mutant, error) {
	head, rest, _ := strings.Cut(text, "\n# ")
	file, ok := strings.CutPrefix(strings.TrimSpace(head), "file: ")
	if !ok || strings.Contains(file, "\n") {
		return nil, errors.New("the first line is not that of the file")
	}
	var all []mutant
	for section := range strings.SplitSeq(rest, "\n# ") {
		m := mutant{file: file}
		if err := m.parse(section); err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		all = append(all, m)
	}
	return all, nil
}

// parse reads what stands between a name and the next one.
func (m *mutant) parse(section string) error {
	name, rest, _ := strings.Cut(section, "\n")
	m.name = name
	for line := range strings.Lines(strings.TrimRight(rest, "\n") + "\n") {
		if !m.change(line) && !m.key(strings.TrimSpace(line)) {
			if m.old != "" {
				return fmt.Errorf("%q follows the change", line)
			}
			m.breaks = strings.TrimSpace(m.breaks + " " + strings.TrimSpace(line))
		}
	}
	switch {
	case m.name == "" || m.breaks == "":
		return errors.New("it is not said what is broken")
	case m.old == "" || m.old == m.new:
		return errors.New("nothing is changed")
	case m.suites == nil:
		return errors.New("there is no test")
	}
	return nil
}

// change takes a line of the change. It reports false if the line is none.
func (m *mutant) change(line string) bool {
	switch {
	case line[0] == '-':
		m.old += line[1:]
	case line[0] == '+':
		m.new += line[1:]
	case line[0] == ' ':
		m.old += line[1:]
		m.new += line[1:]
	case line == "\n" && m.old != "": // without the space, which editors take away
		m.old += line
		m.new += line
	default:
		return false
	}
	return true
}

// key takes a line with a key. It reports false if the line has none.
func (m *mutant) key(line string) bool {
	key, value, _ := strings.Cut(line, ": ")
	switch key {
	case "test":
		m.suites = append(m.suites, suite{args: strings.Fields(value)})
	case "log test":
		m.suites = append(m.suites, suite{in: "otelnetstats/netstatslog", args: strings.Fields(value)})
	case "capture test":
		m.suites = append(m.suites, suite{in: "integration", args: strings.Fields(value), captured: true})
	case "equivalent":
		m.equivalent = value
	default:
		return false
	}
	return true
}
