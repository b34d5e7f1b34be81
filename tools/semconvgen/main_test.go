package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// repository is the root, from the folder of this package.
const repository = "../.."

func TestGeneratedFilesAreUpToDate(t *testing.T) {
	files, err := generated(repository)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(repository, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if strings.ReplaceAll(string(got), "\r\n", "\n") != string(want) {
			t.Errorf("%s is not what the registry makes of it: run make generate", name)
		}
	}
}
