package main

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"

	"github.com/netstats-go/netstats/internal/overlay"
)

// added stores files in the cache and returns by where they seem to be where
// they are. Their names come from their contents, so that builds going on at
// the same time have theirs.
func (p *preparation) added(files map[string][]byte) (map[string]string, error) {
	replace := make(map[string]string, len(files))
	for name, contents := range files {
		sum := sha256.Sum256(contents)
		path := filepath.Join(p.cache, "auto", fmt.Sprintf("%x.go", sum[:8]))
		if err := overlay.WriteFile(path, contents); err != nil {
			return nil, fmt.Errorf("-auto: a file cannot be stored: %w", err)
		}
		replace[name] = path
	}
	return replace, nil
}
