//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// execute becomes the given program, so that exit status, output and signals
// are its own.
func execute(binary string, args []string) error {
	err := syscall.Exec(binary, append([]string{binary}, args...), os.Environ())
	return fmt.Errorf("cannot run %s: %w", binary, err)
}

// leaveSignals has this process leave signals to a command that it runs: those of
// the terminal come to both, one to end comes to this process alone.
func leaveSignals(cmd *exec.Cmd) (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGQUIT, syscall.SIGTERM)
	go func() {
		for s := range signals {
			if s == syscall.SIGTERM && cmd.Process != nil {
				_ = cmd.Process.Signal(s) // it may have ended
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
	}
}
