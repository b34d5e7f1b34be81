package relocate

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A Tree is a copy of packages: the contents of files by slash-separated path.
type Tree map[string][]byte

// Copy copies the packages named, and all packages that they import, to paths
// below prefix. Those of the standard library stay where they are.
func Copy(from *Modules, prefix string, packages ...string) (Tree, error) {
	c := &copier{from: from, prefix: prefix, dirs: map[string]string{}, files: map[string]*file{}, tree: Tree{}}
	for next := packages; len(next) > 0; {
		var err error
		if next, err = c.take(next); err != nil {
			return nil, err
		}
	}
	for name, f := range c.files {
		c.tree[name] = f.relocated(c.path)
	}
	return c.tree, nil
}

// A copier copies packages.
type copier struct {
	from   *Modules
	prefix string
	dirs   map[string]string // of packages, by import path
	files  map[string]*file  // Go files, by path in the tree
	tree   Tree
}

// path is the one to which a package is copied.
func (c *copier) path(importPath string) (string, bool) {
	if _, ok := c.dirs[importPath]; !ok {
		return "", false
	}
	return path.Join(c.prefix, importPath), true
}

// take reads packages and returns those that they import, as far as they are new.
func (c *copier) take(packages []string) (next []string, err error) {
	dirs, err := c.from.Dirs(packages)
	if err != nil {
		return nil, err
	}
	maps.Copy(c.dirs, dirs)
	found := map[string]bool{}
	for _, importPath := range packages {
		imports, err := c.read(importPath)
		if err != nil {
			return nil, err
		}
		for _, i := range imports {
			if _, known := c.dirs[i]; !known && !standard(i) {
				found[i] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// read reads a package, and returns what it imports.
func (c *copier) read(importPath string) (imports []string, err error) {
	dir := c.dirs[importPath]
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || !belongs(e.Name()) {
			continue
		}
		src, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		to := path.Join(importPath, e.Name())
		if !strings.HasSuffix(e.Name(), ".go") {
			c.tree[to] = src // assembly, a header, something embedded
			continue
		}
		f, err := parse(filepath.Join(dir, e.Name()), src)
		if err != nil {
			return nil, err
		}
		if f == nil {
			continue
		}
		c.files[to] = f
		for _, i := range f.imports {
			imports = append(imports, i.path)
		}
	}
	return imports, nil
}

// belongs reports whether a file in the folder of a package may be part of it.
func belongs(name string) bool {
	switch {
	case strings.HasPrefix(name, "_"), strings.HasPrefix(name, "."), strings.HasSuffix(name, "_test.go"):
		return false
	case name == "go.mod", name == "go.sum", strings.HasSuffix(name, ".md"):
		return false
	}
	return true
}

// standard reports whether a path is that of a package of the standard library.
func standard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}

// Hash identifies the tree.
func (t Tree) Hash() string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(t)) {
		fmt.Fprintf(h, "%s %d\n", name, len(t[name]))
		h.Write(t[name])
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Write writes the tree to a folder.
func (t Tree) Write(dir string) error {
	for name, contents := range t {
		to := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(to, contents, 0o666); err != nil {
			return err
		}
	}
	return nil
}
