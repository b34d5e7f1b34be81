package connstat

// isReset knows no error of Plan 9, which names errors by text.
func isReset(error) bool { return false }
