package main

import (
	"fmt"
	"io"
)

// help prints how netstats is used.
func help(args []string, stdout io.Writer) error {
	if err := nothingElse("help", args); err != nil {
		return err
	}
	_, err := fmt.Fprint(stdout, usage)
	return err
}

const usage = `Netstats makes capture builds: in them, otelnetstats can see every connection
that is opened through package net, whatever library opens it.

	netstats build|install|list|run|test|vet [arguments of the go command]
		run the go command, with the edited standard library; output and exit
		status are its own
	netstats build|install|run|test -auto [arguments of the go command]
		have programs show their connections without a line of their own: where
		the OTEL_* variables say, or at the end in a table on stderr; no go.mod
		changes and no version rises. A package may be anybody's, as
		github.com/rakyll/hey@v0.1.5, in any folder. -exporters=none, otlp or all
		chooses what is linked in: the table alone, also OTLP over HTTP, also gRPC
		and Prometheus
	netstats doctor
		say whether this Go installation and this module are ready
	netstats doctor BINARY
		say whether a program is a capture build, and of what
	netstats diff
	netstats diff -auto
		print what is edited, as a patch to GOROOT
	netstats overlay
		print the name of the overlay file, for build systems that run the go
		command themselves: go build -overlay=$(netstats overlay); never keep
		that name, as it is only right for the Go release and the sources at hand
	netstats version
	netstats help

Each takes -C dir, as the go command does, first. An overlay of your own, by
-overlay or in GOFLAGS, is merged. A capture build has the build tag
netstats_capture, which go version -m shows.

As a tool of your module, netstats is run by: go tool netstats ...
For other systems, give it the variables as arguments, since the go command
builds its tools for the system that its own GOOS names:

	go tool netstats GOOS=windows build ./cmd/app
`
