package overlay

import (
	"fmt"
	"slices"
	"strings"
)

// A ruleSet is what is done to one package.
type ruleSet struct {
	pkg   string
	rules []rule
	// inspect, unless nil, returns what no rule expects to be in a file.
	inspect func(p *patch) []error
	// inspected are texts one of which is in each file that inspect is for.
	inspected []string
}

// words returns texts one of which is in each file that concerns the set.
func (s ruleSet) words() []string {
	words := slices.Clone(s.inspected)
	for _, r := range s.rules {
		words = append(words, r.word())
	}
	return words
}

// apply edits p's file. It notes in found what is there of the rules, and
// returns what is not as expected.
func (s ruleSet) apply(p *patch, found coverage) (reasons []string) {
	for i, r := range s.rules {
		if !p.compiledFor(r.systems()) {
			continue
		}
		here, err := p.edited(r)
		if here {
			found[i] = append(found[i], p.systems()...)
			p.rules = append(p.rules, r)
		}
		if err != nil {
			reasons = append(reasons, fmt.Sprintf("package %s: %s, in %s, %v", s.pkg, r, p.name, err))
		}
	}
	if s.inspect != nil {
		for _, err := range s.inspect(p) {
			reasons = append(reasons, fmt.Sprintf("package %s: %v", s.pkg, err))
		}
	}
	return reasons
}

// edited applies a rule to all declarations of p's file.
func (p *patch) edited(r rule) (found bool, err error) {
	for _, d := range p.file.Decls {
		here, err := r.apply(p, d)
		found = found || here
		if err != nil {
			return found, err
		}
	}
	return found, nil
}

// missing returns the rules whose declaration is not in all systems that have it
// to have.
func (s ruleSet) missing(found coverage) (reasons []string) {
	for i, r := range s.rules {
		if missing := found[i].without(r.systems()); missing != "" {
			reasons = append(reasons, fmt.Sprintf("package %s has no %s (for %s)", s.pkg, r, missing))
		}
	}
	return reasons
}

// coverage has, by rule, the systems in which the declaration was found.
type coverage []systems

type systems []string

// without lists those that are wanted and not there.
func (s systems) without(wanted []string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(wanted), func(goos string) bool { return slices.Contains(s, goos) }), ", ")
}
