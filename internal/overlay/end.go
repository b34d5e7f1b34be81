package overlay

// Only packages runtime and os/signal know that a program is about to end by a
// panic or by a signal.

const (
	runtimePkg = "runtime"
	signalPkg  = "os/signal"
)

// endPart has a program's end told of.
var endPart = part{
	sets: []ruleSet{{pkg: runtimePkg, rules: rulesOf([]funcRule{{
		name: "preprintpanics", on: everywhere, edit: watchPanics,
		why: "it is known that a panic is about to end the program",
	}})}},
	additions: []addition{
		{"os/signal/zz_netstats_auto.go", "signal.go.txt", "it is known whether the program handles a signal itself"},
		{"runtime/zz_netstats_auto.go", "runtime.go.txt", "somebody can be called when a panic is about to end the program"},
	},
	needs: []need{
		{signalPkg, "\tm map[chan<- os.Signal]*handler\n"},
		{signalPkg, "func (h *handler) want(sig int) bool"},
	},
}

// watchPanics has a function of ours called when the values of a panic are text,
// by calls of their methods: no user's code runs after that.
func watchPanics(p *patch, f *function, _ string) error {
	const want = "func(*_panic)"
	if got := f.signature(); got != want {
		return shape(got, want)
	}
	p.insert(f.decl.Body.Lbrace+1, " defer netstatsPanicking();")
	return nil
}

// autoPath is the import path of the package that shows what it knows at the
// end.
func autoPath() string { return Own + modulePath() + "/cmd/netstats/auto" }
