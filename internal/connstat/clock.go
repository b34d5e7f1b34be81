package connstat

import "time"

// Now is the clock of the whole module. Nothing on the path of a read or a
// write calls it unless a recording span or a callback asked.
func Now() time.Time { return time.Now() }

// Since is the time since t, which Now returned. It is cheaper than Now.
func Since(t time.Time) time.Duration { return time.Since(t) }
