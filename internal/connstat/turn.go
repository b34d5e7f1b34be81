package connstat

// InTurn calls do for each thing that next returns, one after the other, until it
// reports that there is none. It returns at once: the work is done by a goroutine
// of its own. What do calls may be user code. If that ends the goroutine, by
// runtime.Goexit, another one goes on with the next thing; if it does not return,
// nothing else waits for it.
func InTurn[T any](next func() (T, bool), do func(T)) { go inTurn(next, do) }

func inTurn[T any](next func() (T, bool), do func(T)) {
	finished := false
	defer func() {
		if !finished {
			go inTurn(next, do)
		}
	}()
	for thing, ok := next(); ok; thing, ok = next() {
		do(thing)
	}
	finished = true
}
