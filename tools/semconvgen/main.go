// Command semconvgen makes of the registry of the telemetry, semconv/registry, what
// is written down of it elsewhere: the constants of package otelnetstats, the tables
// of docs/telemetry.md, and semconv/names.json, a list for programs. It runs in the
// module of the tools, and is started by go generate.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// root is the repository's, from the folder of this module.
const root = ".."

func main() {
	if err := generate(root); err != nil {
		fmt.Fprintln(os.Stderr, "semconvgen:", err)
		os.Exit(1)
	}
}

func generate(root string) error {
	files, err := generated(root)
	if err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(root, name), content, 0o644); err != nil { //nolint:gosec // as git has it
			return err
		}
	}
	return nil
}

// generated is the content of all files that are generated, by their names from
// root. Of the page, what is written by hand is taken as it stands.
func generated(root string) (map[string][]byte, error) {
	groups, err := load(filepath.Join(root, "semconv", "registry"))
	if err != nil {
		return nil, err
	}
	t, err := resolve(groups)
	if err != nil {
		return nil, err
	}
	const page = "docs/telemetry.md"
	text, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte)
	if files["otelnetstats/semconv_gen.go"], err = t.constants(); err != nil {
		return nil, err
	}
	if files["semconv/names.json"], err = t.names(); err != nil {
		return nil, err
	}
	if files[page], err = t.fill(string(text)); err != nil {
		return nil, fmt.Errorf("%s: %w", page, err)
	}
	return files, nil
}
