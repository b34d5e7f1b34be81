package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// child runs the go command and waits for it.
func (t *toolchain) child(words []string) error {
	cmd := exec.Command(t.binary, words...)
	cmd.Env = os.Environ()
	for name, value := range t.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return wait(cmd)
}

// wait has a command do what this process would: its exit status is ours.
func wait(cmd *exec.Cmd) error {
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	leave := leaveSignals(cmd)
	defer leave()
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exitStatus(exit.ExitCode())
	}
	return err
}

// asGoRun runs a program as `go run` does.
func asGoRun(program string, args []string) error {
	err := wait(exec.Command(program, args...))
	if status, ok := errors.AsType[exitStatus](err); ok {
		fmt.Fprintln(os.Stderr, status)
		return exitStatus(1)
	}
	return err
}
