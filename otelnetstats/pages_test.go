package otelnetstats_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// documents are the README and the documents, by their paths.
func documents(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	pages := make(map[string]string)
	for _, path := range append(paths, "../README.md") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		pages[path] = strings.ReplaceAll(string(text), "\r\n", "\n")
	}
	return pages
}

// The Go of the pages is that of the examples, which are compiled and run. What
// needs gRPC cannot be.
func TestCodeOfPagesIsThatOfExamples(t *testing.T) {
	var examples strings.Builder
	for _, pattern := range []string{"example*_test.go", "*/example*_test.go", "../integration/clients/*/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			examples.WriteString(unindented(string(text)))
		}
	}
	found := 0
	for path, text := range documents(t) {
		for _, block := range regexp.MustCompile("(?s)\n```go\n(.*?)```").FindAllStringSubmatch(text, -1) {
			found++
			if strings.Contains(block[1], "grpc.") {
				continue
			}
			if !strings.Contains(examples.String(), unindented(block[1])) {
				t.Errorf("no example has this code of %s:\n%s", path, block[1])
			}
		}
	}
	if found == 0 {
		t.Error("the pages have no Go")
	}
}

// unindented drops white space at the ends of lines, and comments behind code:
// an example may say more.
func unindented(code string) string {
	var b strings.Builder
	for line := range strings.Lines(code) {
		line = strings.TrimSpace(line)
		if i := strings.Index(line, " // "); i > 0 {
			line = strings.TrimSpace(line[:i])
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

func TestLinksOfPages(t *testing.T) {
	pages := documents(t)
	for path, text := range pages {
		for _, m := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			file, anchor, _ := strings.Cut(m[1], "#")
			to := filepath.Join(filepath.Dir(path), file)
			if file == "" {
				to = path
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s links to %s, which is not there", path, m[1])
			}
			if anchor != "" && !hasHeading(pages[to], anchor) {
				t.Errorf("%s links to the part %s, which is not there", path, m[1])
			}
		}
	}
}

// hasHeading reports whether a page has the heading of an anchor.
func hasHeading(page, anchor string) bool {
	for line := range strings.Lines(page) {
		if title := strings.TrimLeft(line, "#"); title != line && anchorOf(strings.TrimSpace(title)) == anchor {
			return true
		}
	}
	return false
}

// anchorOf is a heading's, as GitHub makes it.
func anchorOf(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, title)
}
