//go:build unix

package auto

import (
	"os"
	"os/signal"
	"syscall"
)

// endBySignal has f called before SIGINT or SIGTERM end the program. If the
// program itself wants to be told of a signal, f is not called: how it ends
// then is the program's business.
func endBySignal(f func()) {
	if notified == nil {
		return // nobody can tell what the program wants
	}
	c := make(chan os.Signal, 1)
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		if !signal.Ignored(s) {
			signal.Notify(c, s)
		}
	}
	go func() {
		for s := range c {
			number, ok := s.(syscall.Signal)
			if !ok || notified(int(number), c) {
				continue
			}
			signal.Stop(c) // so that the next one ends the program at once
			f()
			_ = syscall.Kill(syscall.Getpid(), number) // to have its effect, and the exit status
		}
	}()
}
