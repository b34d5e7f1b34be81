//go:build unix

package main

import (
	"fmt"
	"os"
	"syscall"
)

// execute becomes the given program, so that exit status, output and signals
// are its own.
func execute(binary string, args []string) error {
	err := syscall.Exec(binary, append([]string{binary}, args...), os.Environ())
	return fmt.Errorf("cannot run %s: %w", binary, err)
}
