package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"time"
)

func main() {
	var o options
	flag.StringVar(&o.name, "run", "", "run only the mutants whose names match this `regexp`")
	flag.DurationVar(&o.timeout, "timeout", time.Minute, "how long the tests of one mutant may take; one that hangs is killed, and noticed")
	flag.IntVar(&o.atOnce, "p", 2, "how many mutants are tested at once")
	flag.BoolVar(&o.dry, "n", false, "only look whether the changes can be made")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ok, err := o.run(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// options are what the flags say.
type options struct {
	name    string
	timeout time.Duration
	atOnce  int
	dry     bool
}

// run does what they say. It reports whether all is as it should be.
func (o options) run(ctx context.Context) (ok bool, err error) {
	wanted, err := regexp.Compile(o.name)
	if err != nil {
		return false, err
	}
	root, err := findRoot()
	if err != nil {
		return false, err
	}
	all, err := readAll(os.DirFS(filepath.Join(root, "internal", "mutants", "testdata")))
	if err != nil {
		return false, err
	}
	scratch, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(scratch)
	s := survey{runner: runner{root, scratch, o.timeout}, mutants: chosen(all, wanted)}
	if ok := s.prepare(); o.dry {
		return ok, nil
	}
	if s.woven, err = s.runner.weaveAll(ctx, s.left()); err != nil {
		return false, err
	}
	fmt.Fprintf(os.Stderr, "%d of %d mutants are in one build\n", len(s.woven.numbers), len(s.mutants))
	s.run(ctx, max(1, o.atOnce))
	return s.summary(), ctx.Err()
}

// chosen are the mutants whose names match.
func chosen(all []mutant, wanted *regexp.Regexp) (some []mutant) {
	for _, m := range all {
		if wanted.MatchString(m.name) {
			some = append(some, m)
		}
	}
	return some
}

// findRoot looks for the root of the repository, from here upwards.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "internal", "mutants", "testdata")); err == nil {
			return dir, nil
		}
		above := filepath.Dir(dir)
		if above == dir {
			return "", errors.New("this is not the repository")
		}
		dir = above
	}
}
