package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// A survey tests mutants and prints what comes of it.
type survey struct {
	runner  runner
	mutants []mutant
	woven   *woven

	mu       sync.Mutex // guards all below, and the order of what is printed
	verdicts map[string]verdict
}

// prepare finds the mutants that cannot be made. It reports whether there are none.
func (s *survey) prepare() (ok bool) {
	s.verdicts = make(map[string]verdict)
	for _, m := range s.mutants {
		if _, err := s.runner.changed(m); err != nil {
			s.keep(m, verdict{broken, err.Error()})
		}
	}
	return len(s.verdicts) == 0
}

// run tests the others, some at once, and those once more that survive, one by one:
// a test of a race wants the processors for itself.
func (s *survey) run(ctx context.Context, atOnce int) {
	s.each(ctx, s.left(), atOnce, func(m mutant, v verdict) bool {
		return v.fate != survived || m.equivalent != ""
	})
	s.each(ctx, s.left(), 1, func(mutant, verdict) bool { return true })
}

// left are the mutants without a verdict.
func (s *survey) left() []mutant {
	return slices.DeleteFunc(slices.Clone(s.mutants), func(m mutant) bool {
		_, ok := s.verdicts[m.name]
		return ok
	})
}

// each tests mutants and keeps the verdicts that are final.
func (s *survey) each(ctx context.Context, mutants []mutant, atOnce int, final func(mutant, verdict) bool) {
	next := make(chan mutant)
	var workers sync.WaitGroup
	for range atOnce {
		workers.Go(func() {
			for m := range next {
				if v := s.runner.run(ctx, m, s.woven); ctx.Err() == nil && final(m, v) {
					s.keep(m, v)
				}
			}
		})
	}
	for _, m := range mutants {
		if ctx.Err() == nil {
			next <- m
		}
	}
	close(next)
	workers.Wait()
}

func (s *survey) keep(m mutant, v verdict) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.verdicts[m.name] = v
	fmt.Println(m.line(v))
}

// line is what is printed of a mutant.
func (m mutant) line(v verdict) string {
	switch {
	case v.fate == killed && m.equivalent != "":
		return m.name + ": killed by " + v.why + ", though it is marked as equivalent"
	case v.fate == killed:
		return m.name + ": killed by " + v.why
	case v.fate == survived && m.equivalent != "":
		return m.name + ": equivalent: " + m.equivalent
	case v.fate == survived:
		return m.name + ": SURVIVED: " + m.breaks
	case v.fate == skipped:
		return m.name + ": skipped: " + v.why
	}
	return m.name + ": BROKEN: " + v.why
}

// summary prints how many came to what, and the bad ones again. It reports whether
// there are none of these.
func (s *survey) summary() (ok bool) {
	counts := make(map[fate]int)
	equivalent := 0
	var bad []string
	for _, m := range s.mutants {
		v, tested := s.verdicts[m.name]
		switch {
		case !tested: // interrupted
		case v.fate == survived && m.equivalent != "":
			equivalent++
		case v.fate == survived, v.fate == broken:
			bad = append(bad, m.line(v))
			fallthrough
		default:
			counts[v.fate]++
		}
	}
	fmt.Printf("\n%d mutants: %d killed, %d survived, %d equivalent, %d skipped, %d broken\n",
		len(s.mutants), counts[killed], counts[survived], equivalent, counts[skipped], counts[broken])
	for _, line := range bad {
		fmt.Println(line)
	}
	return len(bad) == 0
}
