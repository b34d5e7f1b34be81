// The command that makes capture builds. It is a module of its own, so that
// what it needs does not reach the library's users, and needs little, so that it
// does not reach those who have it as a tool.
module github.com/netstats-go/netstats/cmd/netstats

go 1.26.0

require (
	github.com/netstats-go/netstats v0.0.0
	github.com/rogpeppe/go-internal v1.14.1
	golang.org/x/tools v0.26.0
)

require golang.org/x/sys v0.40.0 // indirect

// As long as neither is published.
replace github.com/netstats-go/netstats => ../..
