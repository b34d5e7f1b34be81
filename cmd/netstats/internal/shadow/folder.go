package shadow

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Once returns a folder in dir that fill has filled, by now or long ago. Its name
// begins with base and is made from parts, which are all that it depends on. It is
// noted that the folder was used today.
func Once(dir, base string, parts []string, fill func(dir string) error) (string, error) {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	made := filepath.Join(dir, base+"-"+hex.EncodeToString(sum[:8]))
	if _, err := os.Stat(made); err == nil {
		now := time.Now()
		_ = os.Chtimes(made, now, now) // not allowed if it is somebody else's
		return made, nil
	}
	return made, filled(made, fill)
}

// filled makes a folder. It is there when it is filled, not before.
func filled(dir string, fill func(dir string) error) error {
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return err
	}
	info, err := os.Stat(parent)
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(parent, ".new-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	// A temporary folder is its maker's alone; this one will be anybody's.
	if err := errors.Join(os.Chmod(tmp, info.Mode().Perm()), fill(tmp)); err != nil {
		return err
	}
	if err := os.Rename(tmp, dir); err != nil {
		if _, statErr := os.Stat(dir); statErr == nil {
			return nil // somebody was faster
		}
		return err
	}
	return nil
}

// mirror has dir have links to all that original has, but for some.
func mirror(original, dir string, but ...string) error {
	entries, err := os.ReadDir(original)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if slices.Contains(but, e.Name()) {
			continue
		}
		err := os.Symlink(filepath.Join(original, e.Name()), filepath.Join(dir, e.Name()))
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return cannotLink(err)
		}
	}
	return nil
}

// cannotLink says what to do where links are not allowed.
func cannotLink(err error) error {
	if os.PathSeparator == '\\' {
		return fmt.Errorf("%w; switch on the developer mode of Windows, which allows symbolic links", err)
	}
	return err
}

// dropDangling removes the links in dir that lead nowhere.
func dropDangling(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if e.Type()&fs.ModeSymlink == 0 {
			continue
		}
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
