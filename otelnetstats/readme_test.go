package otelnetstats_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

// The README's Go is that of the examples, which are compiled and run. What
// needs another module cannot be.
func TestReadmeCodeIsThatOfExamples(t *testing.T) {
	files, err := filepath.Glob("example*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var examples strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		examples.WriteString(unindented(string(text)))
	}
	blocks := regexp.MustCompile("(?s)\n```go\n(.*?)```").FindAllStringSubmatch(readme(t), -1)
	if len(blocks) == 0 {
		t.Error("the README has no Go")
	}
	for _, block := range blocks {
		if strings.Contains(block[1], "grpc.") {
			continue
		}
		if !strings.Contains(examples.String(), unindented(block[1])) {
			t.Errorf("no example has this code of the README:\n%s", block[1])
		}
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

func TestReadmeLinks(t *testing.T) {
	for _, m := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(readme(t), -1) {
		if strings.Contains(m[1], "://") {
			continue
		}
		if anchor, ok := strings.CutPrefix(m[1], "#"); ok {
			if !strings.Contains(strings.ToLower(readme(t)), "\n## "+strings.ReplaceAll(anchor, "-", " ")+"\n") {
				t.Errorf("the README links to its part %s, which is not there", m[1])
			}
			continue
		}
		if _, err := os.Stat(filepath.Join("..", m[1])); err != nil {
			t.Errorf("the README links to %s, which is not there", m[1])
		}
	}
}
