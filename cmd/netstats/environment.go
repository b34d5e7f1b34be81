package main

import (
	"errors"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// Some variables are set for the go command, and a program that `go run` starts
// would inherit them. It is started by way of this command then, which sets them
// as the user had.

// restoreCommand is not for users.
const restoreCommand = "restore-environment"

// restoreEnvironment has `go run` start the program that way.
func (c *call) restoreEnvironment(set map[string]string) {
	self, err := os.Executable()
	if err != nil || len(set) == 0 {
		return
	}
	words := []string{self, restoreCommand}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		words = append(words, name+"="+os.Getenv(name))
	}
	if strings.ContainsAny(strings.Join(words, ""), `'"`) {
		return // the go command could not take these words apart
	}
	runner := "'" + strings.Join(append(words, "--"), "' '") + "'"
	if user, ok := c.value("exec"); ok {
		runner += " " + user
	}
	c.set("exec", runner)
}

var errRestore = errors.New("netstats " + restoreCommand + " is for netstats itself")

// restore becomes a program, with variables as they are given. Empty ones are not
// set.
func restore(args []string) error {
	for i, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		switch {
		case arg == "--" && i+1 < len(args):
			program, err := exec.LookPath(args[i+1])
			if err != nil {
				return err
			}
			return execute(program, args[i+2:])
		case !ok:
			return errRestore
		case value == "":
			os.Unsetenv(name)
		default:
			os.Setenv(name, value)
		}
	}
	return errRestore
}
