package main

// Whoever has this command as a tool gets the package with it, also in a vendor
// folder. In the command itself, which is no capture build, it does nothing.
import _ "github.com/netstats-go/netstats/cmd/netstats/auto"
