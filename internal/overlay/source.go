package overlay

import (
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A Source is where the standard library is read from.
type Source struct {
	// Root is the GOROOT, spelled as the go command spells it.
	Root string
	// Replace is an overlay of the user's own, from absolute paths to paths; a
	// file that it replaces is read from there, one replaced by "" is not there.
	Replace map[string]string
}

func (s Source) dir(pkg string) string { return filepath.Join(s.Root, "src", filepath.FromSlash(pkg)) }

// files returns the paths of the Go files of a package by name, without tests.
func (s Source) files(pkg string) (map[string]string, error) {
	dir := s.dir(pkg)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("the sources of the standard library are needed, but: %w", err)
	}
	files := map[string]string{}
	for _, e := range entries {
		files[e.Name()] = filepath.Join(dir, e.Name())
	}
	for name, path := range s.Replace {
		if filepath.Dir(name) == dir {
			files[filepath.Base(name)] = path
		}
	}
	maps.DeleteFunc(files, func(name, path string) bool {
		return path == "" || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "_") || strings.HasPrefix(name, ".")
	})
	return files, nil
}

// A library is the standard library of a Source, each package read once.
type library struct {
	Source
	packages map[string]map[string][]byte // contents of the files
}

func (l *library) contents(pkg string) (map[string][]byte, error) {
	if c, ok := l.packages[pkg]; ok {
		return c, nil
	}
	files, err := l.files(pkg)
	if err != nil {
		return nil, err
	}
	c := map[string][]byte{}
	for name, path := range files {
		if c[name], err = os.ReadFile(path); err != nil {
			return nil, err
		}
	}
	l.packages[pkg] = c
	return c, nil
}

// prepared reports whether package net has files of ours: all overlays add some.
func (l *library) prepared() (bool, error) {
	files, err := l.files(netPkg)
	if err != nil {
		return false, err
	}
	for _, a := range capturePart.additions {
		if a.pkg() == netPkg && files[path.Base(a.path)] != "" {
			return true, nil
		}
	}
	return false, nil
}

// having returns the names of the files of a package that one of the words
// occurs in, in order, and the contents of all.
func (l *library) having(pkg string, words ...string) (names []string, contents map[string][]byte, err error) {
	contents, err = l.contents(pkg)
	for _, name := range slices.Sorted(maps.Keys(contents)) {
		text := string(contents[name])
		if slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) }) {
			names = append(names, name)
		}
	}
	return names, contents, err
}
