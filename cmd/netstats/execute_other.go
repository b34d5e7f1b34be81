//go:build !unix

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
)

// execute runs the given program as if it were this one.
func execute(binary string, args []string) error {
	if err := wait(exec.Command(binary, args...)); err != nil {
		var status exitStatus
		if errors.As(err, &status) {
			return err
		}
		return fmt.Errorf("cannot run %s: %w", binary, err)
	}
	return nil
}

// leaveSignals has interrupts be for a command to handle that this process runs.
func leaveSignals(*exec.Cmd) (stop func()) {
	signal.Ignore(os.Interrupt)
	return func() { signal.Reset(os.Interrupt) }
}
