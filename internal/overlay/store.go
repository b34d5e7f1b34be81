package overlay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/netstats-go/netstats/internal/connstat"
)

// unusedFor is how long a stored overlay is kept without being used.
const unusedFor = 30 * 24 * time.Hour

// Store writes the overlay to a folder of its own in dir, unless it is there,
// and returns the path of the JSON file for `go build -overlay`. extra are
// replacements to have in it besides, from absolute path to absolute path;
// those of the user's own, see [Source], are in it anyway.
func (o *Overlay) Store(dir string, extra map[string]string) (string, error) {
	dir, err := filepath.Abs(dir) // the go command takes relative paths from where it runs
	if err != nil {
		return "", err
	}
	dir = filepath.Join(dir, o.folder())
	replace := maps.Clone(o.Source.Replace)
	if replace == nil {
		replace = map[string]string{}
	}
	maps.Copy(replace, extra)
	for _, name := range o.names() {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := WriteFile(path, o.Files[name]); err != nil {
			return "", err
		}
		replace[o.target(name)] = path
	}
	replace[o.target(ReleaseCopy)] = filepath.Join(o.Source.dir(releaseDir), releaseFile)
	return storeJSON(dir, replace)
}

// folder is a name for the overlay's files that no other overlay has.
func (o *Overlay) folder() string {
	return strings.NewReplacer(" ", "-", "/", "-").Replace(o.Generator)
}

// storeJSON writes a list of replacements under a name made from its contents,
// so that those of other users of the same overlay stay.
func storeJSON(dir string, replace map[string]string) (string, error) {
	data, err := json.MarshalIndent(map[string]any{"Replace": replace}, "", "\t")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, fmt.Sprintf("overlay-%s.json", shortHash(data)))
	now := connstat.Now()
	if err := WriteFile(path, append(data, '\n')); err != nil {
		return "", err
	}
	_ = os.Chtimes(dir, now, now) // used today; see Trim
	return path, nil
}

// WriteFile makes a file have the contents. A go command that reads it meanwhile
// finds what was there before or what is there then.
func WriteFile(path string, contents []byte) error {
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
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// Trim removes the folders in dir, of overlays say, that were not used for a
// month, and likewise links, which is not to remove what they point at.
func Trim(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		info, infoErr := e.Info()
		if infoErr != nil || info.Mode().IsRegular() || connstat.Now().Sub(info.ModTime()) < unusedFor {
			continue
		}
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return err
}
