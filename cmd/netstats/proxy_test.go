package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/tools/txtar"
)

// useProxy has the go command find modules besides those that this process has in
// its cache, in a cache that is the script's own.
func useProxy(ts *testscript.TestScript) {
	proxy, cached := ts.MkAbs("proxy"), filepath.Join(ts.Getenv("GOMODCACHE"), "cache", "download")
	archives, err := filepath.Glob(filepath.Join("testdata", "mod", "*.txt"))
	ts.Check(err)
	for _, a := range archives {
		ts.Check(publish(a, proxy))
	}
	ts.Setenv("GOPROXY", fileURL(proxy)+","+fileURL(cached))
	ts.Setenv("GOMODCACHE", ts.MkAbs("modcache"))
}

func fileURL(path string) string {
	return "file:///" + strings.TrimPrefix(filepath.ToSlash(path), "/")
}

// publish puts a module, example.com/NAME in the archive NAME@VERSION.txt, where a
// proxy has its files.
func publish(file, proxy string) error {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		return err
	}
	name, version, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".txt"), "@")
	dir := filepath.Join(proxy, "example.com", name, "@v")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	zipped, mod, err := zipModule(archive, "example.com/"+name+"@"+version)
	if err != nil {
		return err
	}
	list, _ := os.ReadFile(filepath.Join(dir, "list")) // none yet
	for name, contents := range map[string][]byte{
		version + ".info": fmt.Appendf(nil, `{"Version":%q}`, version),
		version + ".mod":  mod,
		version + ".zip":  zipped,
		"list":            append(list, version+"\n"...),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), contents, 0o666); err != nil {
			return err
		}
	}
	return nil
}

func zipModule(archive *txtar.Archive, as string) (zipped, mod []byte, err error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range archive.Files {
		w, err := z.Create(as + "/" + f.Name)
		if err != nil {
			return nil, nil, err
		}
		if _, err := w.Write(f.Data); err != nil {
			return nil, nil, err
		}
		if f.Name == "go.mod" {
			mod = f.Data
		}
	}
	err = z.Close()
	return b.Bytes(), mod, err
}
