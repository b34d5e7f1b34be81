package lab

import (
	"fmt"
	"slices"
	"strings"
)

// differs compares what was seen with a list of what has to be, separated by
// commas, where a question mark is behind what only may be. It returns an empty
// string if they agree.
func differs(spec string, seen map[string]int) string {
	var must, may []string
	for name := range strings.SplitSeq(spec, ",") {
		name = strings.TrimSpace(name)
		if optional, ok := strings.CutSuffix(name, "?"); ok {
			may = append(may, optional)
		} else if name != "" {
			must = append(must, name)
		}
	}
	for name := range seen {
		if !slices.Contains(must, name) && !slices.Contains(may, name) {
			return fmt.Sprintf("%v, want %q", seen, spec)
		}
	}
	for _, name := range must {
		if seen[name] == 0 {
			return fmt.Sprintf("%v, want %q", seen, spec)
		}
	}
	return ""
}
