package shadow

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// An Addition is a file that a module has in a shadow of the module cache.
type Addition struct {
	// Module is the module's folder in the original, an absolute path.
	Module string
	// Name is the file's path in that folder.
	Name     string
	Contents string
}

// ModCache returns a module cache, below dir, in which some modules have files
// more: their folders are copies. The original must have all modules that will
// be needed, as new ones might be extracted into the shadow.
func ModCache(dir, original string, added []Addition) (string, error) {
	parts := []string{original}
	modules := map[string]bool{}
	for _, a := range added {
		module, err := filepath.Rel(original, a.Module)
		if err != nil {
			return "", err
		}
		modules[module] = true
		parts = append(parts, module, a.Name, a.Contents)
	}
	made, err := Once(dir, "mod", parts, func(tmp string) error { return fillModCache(tmp, original, added) })
	if err != nil {
		return "", err
	}
	return made, linkModules(made, original, modules)
}

// fillModCache copies the modules that have files more.
func fillModCache(dir, original string, added []Addition) error {
	for _, a := range added {
		module, err := filepath.Rel(original, a.Module)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, module)
		if _, err := os.Stat(to); err != nil {
			if err := os.CopyFS(to, os.DirFS(a.Module)); err != nil {
				return err
			}
		}
		if err := os.WriteFile(filepath.Join(to, filepath.FromSlash(a.Name)), []byte(a.Contents), 0o666); err != nil {
			return err
		}
	}
	return nil
}

// linkModules has the shadow link to all else that the original has by now.
func linkModules(dir, original string, modules map[string]bool) error {
	// The go command keeps what it downloads there, and makes it through a link only
	// if it is.
	if err := os.MkdirAll(filepath.Join(original, "cache", "download"), 0o777); err != nil {
		return err
	}
	for parent, own := range parents(modules) {
		at := filepath.Join(dir, parent)
		err := errors.Join(dropDangling(at), mirror(filepath.Join(original, parent), at, own...))
		if err != nil {
			return err
		}
	}
	return nil
}

// parents returns the folders above modules, with what in them is the shadow's
// own.
func parents(modules map[string]bool) map[string][]string {
	all := map[string][]string{}
	for _, module := range slices.Sorted(maps.Keys(modules)) {
		parent := "."
		for name := range strings.SplitSeq(module, string(filepath.Separator)) {
			if !slices.Contains(all[parent], name) {
				all[parent] = append(all[parent], name)
			}
			parent = filepath.Join(parent, name)
		}
	}
	return all
}
