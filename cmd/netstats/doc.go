// Netstats makes capture builds: programs in which every connection that is
// opened through package net can be counted and traced by package otelnetstats,
// whatever library opens it, with no change to the program's source.
//
//	go get -tool github.com/netstats-go/netstats/cmd/netstats
//	go tool netstats build ./cmd/app
//
// It runs the go command with an overlay of a few edited files of the standard
// library, made from the Go installation at hand at each run. See
//
//	go tool netstats help
package main
