package lab

import (
	"fmt"
	"os"
	"runtime"
	"time"
)

// patience is how long is waited for what must happen, and brief for what may.
const (
	patience = 20 * time.Second
	brief    = time.Second
)

func within(d time.Duration, c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	case <-time.After(d):
		return false
	}
}

// Resources are what a library may leave behind.
type Resources struct {
	Goroutines  int `json:"goroutines"`
	Descriptors int `json:"descriptors"`
}

func (r Resources) String() string {
	return fmt.Sprintf("%d goroutines and %d descriptors", r.Goroutines, r.Descriptors)
}

func inUse() Resources {
	r := Resources{Goroutines: runtime.NumGoroutine()}
	if files, err := os.ReadDir("/proc/self/fd"); err == nil {
		r.Descriptors = len(files) - 1 // the folder's own
	}
	return r
}

// left returns what is in use beyond before, and waits until that is no more
// than the limit.
func left(before, limit Resources, wait time.Duration) Resources {
	for deadline := time.Now().Add(wait); ; time.Sleep(time.Millisecond) {
		now := inUse()
		r := Resources{max(0, now.Goroutines-before.Goroutines), max(0, now.Descriptors-before.Descriptors)}
		if r.Goroutines <= limit.Goroutines && r.Descriptors <= limit.Descriptors || time.Now().After(deadline) {
			return r
		}
	}
}
