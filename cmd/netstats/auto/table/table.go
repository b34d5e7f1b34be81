// Package table has a program show its connections as package
// [github.com/netstats-go/netstats/cmd/netstats/auto] does, without an exporter:
// in a table when it ends. It is imported for its side effect.
package table

import "github.com/netstats-go/netstats/cmd/netstats/auto"

// The package is imported for what this does: there is no other place to do it.
func init() { auto.Start(nil) }
