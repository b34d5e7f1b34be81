package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestPageIsUpToDate(t *testing.T) {
	t.Chdir("..")
	results, err := load()
	if err != nil {
		t.Fatal(err)
	}
	want, err := page(results)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(pageFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the tests of the libraries say: run go generate ./...", pageFile)
	}
}

func TestLibrariesAreAllThere(t *testing.T) {
	modules, err := filepath.Glob("../*/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range modules {
		if name := filepath.Base(filepath.Dir(m)); !slices.Contains(libraries, name) {
			t.Errorf("the list of libraries lacks %s", name)
		}
	}
	for _, name := range libraries {
		if !slices.Contains(modules, filepath.Join("..", name, "go.mod")) {
			t.Errorf("there is no module %s", name)
		}
	}
}

func TestSectionQuotesTheHook(t *testing.T) {
	t.Chdir("..")
	s := &section{Folder: "goredis", row: new(row)}
	if err := s.parse(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains([]byte(s.Code), []byte("opt.Dialer = tracker.WrapDial(redis.NewDialer(opt))")) {
		t.Errorf("the code is %s", s.Code)
	}
}
