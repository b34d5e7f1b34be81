package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/netstats-go/netstats/internal/terminal"
)

// maxLines bounds what is shown of an error or of a finding, in runes.
const maxLines = 1 << 14

func main() {
	err := run(os.Args[1:], os.Stdout)
	var status exitStatus
	switch {
	case errors.As(err, &status):
		os.Exit(int(status))
	case err != nil:
		fmt.Fprintln(os.Stderr, "netstats:", terminal.Lines(err.Error(), maxLines))
		os.Exit(2)
	}
}

// exitStatus is an error that has been reported already.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprint("exit status ", int(s)) }
