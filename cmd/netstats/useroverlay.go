package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/netstats-go/netstats/internal/overlay"
)

// readOverlay reads an overlay of the user's and makes its paths absolute;
// relative ones start from dir. Entries that lead into our own cache are left
// out: they come from a netstats overlay that somebody kept, in GOFLAGS say.
func readOverlay(file, dir, cache string) (replace map[string]string, kept bool, err error) {
	data, err := os.ReadFile(from(dir, file))
	if err != nil {
		return nil, false, fmt.Errorf("the overlay given by -overlay: %w", err)
	}
	var given struct{ Replace map[string]string }
	if err := json.Unmarshal(data, &given); err != nil {
		return nil, false, fmt.Errorf("the overlay given by -overlay, %s: %w", file, err)
	}
	replace = map[string]string{}
	for name, path := range given.Replace {
		switch {
		case path != "" && within(cache, from(dir, path)), strings.HasSuffix(filepath.ToSlash(name), "/src/"+overlay.ReleaseCopy):
			kept = true
		case path == "":
			replace[from(dir, name)] = ""
		default:
			replace[from(dir, name)] = from(dir, path)
		}
	}
	return replace, kept, nil
}

// from makes path absolute, if it is not.
func from(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}
