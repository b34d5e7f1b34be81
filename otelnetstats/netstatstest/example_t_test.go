package netstatstest_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// An exampleT is a test that is no part of a run: it prints what failed.
type exampleT struct {
	testing.TB // nil: what is needed is below

	ctx      context.Context
	cancel   context.CancelFunc
	cleanups []func()
	failed   bool
}

func newExampleT() *exampleT {
	t := new(exampleT)
	t.ctx, t.cancel = context.WithCancel(context.Background())
	return t
}

// end ends the test, and says what came of it.
func (t *exampleT) end() {
	t.cancel()
	for _, f := range slices.Backward(t.cleanups) {
		f()
	}
	if !t.failed {
		fmt.Println("ok")
	}
}

func (t *exampleT) Helper()                  {}
func (t *exampleT) Name() string             { return "Example" }
func (t *exampleT) Context() context.Context { return t.ctx }
func (t *exampleT) Cleanup(f func())         { t.cleanups = append(t.cleanups, f) }
func (t *exampleT) Failed() bool             { return t.failed }
func (t *exampleT) Skipped() bool            { return false }
func (t *exampleT) Attr(string, string)      {}
func (t *exampleT) ArtifactDir() string      { return os.TempDir() }

// Errorf prints what comes before the table.
func (t *exampleT) Errorf(format string, args ...any) {
	t.failed = true
	text, _, _ := strings.Cut(fmt.Sprintf(format, args...), "\n\n")
	fmt.Printf("FAIL\n%s\n", text)
}

func (t *exampleT) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
