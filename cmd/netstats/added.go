package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// added stores files in the cache and returns by where they seem to be where
// they are. Their names come from their contents, so that builds going on at
// the same time have theirs.
func (p *preparation) added(files map[string][]byte) (map[string]string, error) {
	replace := make(map[string]string, len(files))
	for name, contents := range files {
		sum := sha256.Sum256(contents)
		path := filepath.Join(p.cache, "auto", fmt.Sprintf("%x.go", sum[:8]))
		if err := keep(path, contents); err != nil {
			return nil, fmt.Errorf("-auto: a file cannot be stored: %w", err)
		}
		replace[name] = path
	}
	return replace, nil
}

// keep makes a file have the contents; others may be doing the same.
func keep(path string, contents []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, contents) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(contents)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), path)
}
