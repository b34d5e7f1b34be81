package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// goCommands are those of the go command's commands that take an overlay.
var goCommands = []string{"build", "install", "list", "run", "test", "vet"}

// run does what the arguments say. Commands of the go command write to this
// process's own output, ours to stdout.
func run(args []string, stdout io.Writer) error {
	args, err := setVariables(args)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		fmt.Fprint(stdout, usage)
		return exitStatus(2)
	}
	name, rest := args[0], args[1:]
	switch name {
	case "help", "-help", "--help", "-h", "--h":
		return help(rest, stdout)
	case "version", "-version", "--version":
		return version(rest, stdout)
	case "diff":
		return diff(rest, stdout)
	case "doctor":
		return doctor(rest, stdout)
	case "overlay":
		return printOverlay(rest, stdout)
	case restoreCommand:
		return restore(rest)
	}
	if slices.Contains(goCommands, name) {
		return goCommand(name, rest)
	}
	return fmt.Errorf("no command %q; netstats runs go %s with capture, and has the commands diff, doctor, overlay and version of its own; all else is for the go command itself", args[0], strings.Join(goCommands, ", "))
}

// setVariables sets environment variables that are given in front, and returns
// what follows. They are needed for cross builds as a tool: the go command
// builds its tools for the system that GOOS in its own environment names.
func setVariables(args []string) (rest []string, err error) {
	for i, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		if !ok || !strings.HasPrefix(name, "GO") && !strings.HasPrefix(name, "CGO_") {
			return args[i:], nil
		}
		if err := os.Setenv(name, value); err != nil {
			return nil, err
		}
	}
	return nil, nil
}
