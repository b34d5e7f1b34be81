package netstatstest_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A fakeT is a test within the test, which notes its failures.
type fakeT struct {
	testing.TB // the real one

	mu       sync.Mutex
	name     string
	cleanups []func()
	errors   []string
	fatal    bool
	skipped  bool
	attrs    map[string]string
	ctx      context.Context
	dir      string
}

// run runs a test in a goroutine of its own, as package testing does, and returns
// what came of it.
func run(t *testing.T, test func(t *fakeT)) *fakeT {
	t.Helper()
	return runNamed(t, t.Name(), test)
}

func runNamed(t *testing.T, name string, test func(t *fakeT)) *fakeT {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	f := &fakeT{TB: t, name: name, ctx: ctx, attrs: make(map[string]string)}
	inGoroutine(func() { test(f) })
	cancel()
	for len(f.cleanups) > 0 {
		last := f.cleanups[len(f.cleanups)-1]
		f.cleanups = f.cleanups[:len(f.cleanups)-1]
		inGoroutine(last)
	}
	return f
}

func inGoroutine(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

func (f *fakeT) Helper()                  {}
func (f *fakeT) Name() string             { return f.name }
func (f *fakeT) Context() context.Context { return f.ctx }
func (f *fakeT) Skipped() bool            { return f.skipped }
func (f *fakeT) ArtifactDir() string      { return f.dir }

func (f *fakeT) Attr(key, value string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.attrs[key] = value
}

func (f *fakeT) Cleanup(c func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cleanups = append(f.cleanups, c)
}

func (f *fakeT) Failed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.errors) > 0
}

func (f *fakeT) Errorf(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.errors = append(f.errors, fmt.Sprintf(format, args...))
}

func (f *fakeT) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	f.fatal = true
	runtime.Goexit()
}

// text is all that the test said.
func (f *fakeT) text() string { return strings.Join(f.errors, "\n") }

// passes has the real test fail unless the one within it passed.
func (f *fakeT) passes() {
	f.TB.Helper()
	if len(f.errors) > 0 {
		f.TB.Errorf("it failed:\n%s", f.text())
	}
}

// fails has the real test fail unless the one within it failed once, and said so.
func (f *fakeT) fails(words ...string) {
	f.TB.Helper()
	if len(f.errors) != 1 {
		f.TB.Fatalf("it failed %d times:\n%s", len(f.errors), f.text())
	}
	f.Log("\n" + f.text())
	for _, w := range words {
		if !strings.Contains(f.text(), w) {
			f.TB.Errorf("it does not say %q", w)
		}
	}
}

// silent has the real test fail if the one within it said one of the words.
func (f *fakeT) silent(words ...string) {
	f.TB.Helper()
	if i := slices.IndexFunc(words, func(w string) bool { return strings.Contains(f.text(), w) }); i >= 0 {
		f.TB.Errorf("it says %q:\n%s", words[i], f.text())
	}
}
