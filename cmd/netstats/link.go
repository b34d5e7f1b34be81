package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/netstats-go/netstats/internal/overlay"
)

// A link is made anew once a day, which dates it: those that nobody used for
// long are dropped with the overlays'. (Of a link, package os cannot set the time.)
const freshFor = 24 * time.Hour

// linkTo returns a link in dir that points at target, which it makes if need be.
// Users of one home folder may have module caches of their own, with toolchains
// of the same name in them: hence the hash.
func linkTo(target, dir string) (string, error) {
	sum := sha256.Sum256([]byte(target))
	link := filepath.Join(dir, fmt.Sprintf("%s-%x", filepath.Base(target), sum[:8]))
	info, err := os.Lstat(link)
	if err == nil && pointsAt(link, target) && time.Since(info.ModTime()) < freshFor {
		return link, nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	return link, renew(link, target)
}

// renew makes the link, or makes it anew, without its being away or another at
// any time: builds go on that use it, and other processes may be doing the same.
func renew(link, target string) error {
	dir, err := os.MkdirTemp(filepath.Dir(link), ".new-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	made := filepath.Join(dir, filepath.Base(link))
	if err := os.Symlink(target, made); err != nil {
		return err
	}
	if err := os.Rename(made, link); err != nil {
		if pointsAt(link, target) {
			return nil // Windows does not replace one
		}
		return err
	}
	_ = overlay.Trim(filepath.Dir(link)) // the next one tries again
	return nil
}

func pointsAt(link, target string) bool {
	now, err := os.Readlink(link)
	return err == nil && now == target
}
