package live

// An Origin is where connections come from. There is one for each place in the
// program, so that two can be compared by their addresses.
type Origin struct {
	// Caller is the path of the package that opens them, empty if it is not known.
	Caller string
	// Stack is that of the dial, innermost first, as runtime.Callers has it. It
	// is nil where stacks are not kept.
	Stack []uintptr
}
