package main

import (
	"fmt"
	"io"
	"runtime/debug"
)

// library is the module that this command's overlays are made for.
const library = "github.com/netstats-go/netstats"

// libraryVersion is the version of the library that this command was built
// with, "devel" for a checkout.
func libraryVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == library && m.Replace == nil && m.Version != "" && m.Version != "(devel)" {
			return m.Version
		}
	}
	return "devel"
}

func version(args []string, stdout io.Writer) error {
	if err := nothingElse("version", args); err != nil {
		return err
	}
	_, err := fmt.Fprintln(stdout, "netstats", libraryVersion())
	return err
}
