package overlay

import (
	"path/filepath"
	"strings"

	"github.com/netstats-go/netstats/internal/connstat"
)

// StoreSelfTest is like [Overlay.Store], but adds a file to package net that
// counts and watches every connection as the library would. It is for the
// standard library's own tests, which cannot import the library.
func (o *Overlay) StoreSelfTest(dir string) (string, error) {
	text, err := addedFS.ReadFile("added/selftest.go.txt")
	if err != nil {
		return "", err
	}
	fields := strings.ReplaceAll(fieldList(connstat.RecordLayout()), "*NetstatsRecord", "*poll.NetstatsRecord")
	path, err := filepath.Abs(filepath.Join(dir, o.folder(), "selftest.go"))
	if err != nil {
		return "", err
	}
	if err := WriteFile(path, []byte(strings.ReplaceAll(string(text), "@FIELDS@\n", fields))); err != nil {
		return "", err
	}
	return o.Store(dir, map[string]string{o.target("net/zz_netstats_selftest.go"): path})
}
