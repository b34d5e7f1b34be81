package overlay

import (
	"fmt"
	"slices"
	"strings"
)

// wrap renames f and adds a function of its name with the given body.
func (p *patch) wrap(f *function, why, format string, args ...any) error {
	if d := f.directive(); d != "" {
		return fmt.Errorf("has the directive %s, which is not expected", d)
	}
	body := strings.TrimSpace(fmt.Sprintf(format, args...))
	for _, v := range append(f.params, f.recv) {
		if declares(body, v.name) {
			return fmt.Errorf("has a parameter %s, whose name netstats needs", v.name)
		}
	}
	p.insert(f.decl.Name.Pos(), stockPrefix)
	p.add("// %s is added by netstats, so that %s.\n%s {\n\t%s\n}\n", f.name(), why, f.header(), strings.ReplaceAll(body, "\n", "\n\t"))
	return nil
}

// declares reports whether a body declares the name on its outermost level.
func declares(body, name string) bool {
	for line := range strings.Lines(body) {
		names, _, ok := strings.Cut(line, " := ")
		if ok && slices.Contains(strings.Split(names, ", "), name) {
			return true
		}
	}
	return false
}
