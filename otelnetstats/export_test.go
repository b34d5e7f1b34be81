package otelnetstats

// Records is how many connections the Tracker holds, those that are being closed
// included.
func (t *Tracker) Records() int { return len(t.open.Open()) }

// Registrations is how many connections are known for having been registered, or
// given out.
func Registrations() int64 { return wrappers.count.Load() }
