// Package auto shows every connection of a program whose source says nothing of
// it. It is imported for its side effect:
//
//	import _ "github.com/netstats-go/netstats/cmd/netstats/auto"
//
// That import is what `netstats build -auto` adds to main packages; see there.
// It works in a capture build. In one made by the go command alone the package
// does nothing.
//
// Capture begins when the package is initialized, which is before main, but not
// before the initialization of packages whose path is less, and which do not
// import it.
//
// # With an exporter configured
//
// If any of the variables OTEL_EXPORTER_* or OTEL_*_EXPORTER is set, spans and
// metrics go to where the OTEL_* variables say, as package autoexport reads
// them; what is said of one signal only leaves the other at the default, OTLP
// over HTTP to localhost. OTEL_SDK_DISABLED=true has the package do nothing. The
// resource has the name of the main module as service.name and tells of host,
// process and Go; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES outdo that.
// Command lines are left out, for the secrets in them. The exporter "console"
// writes to stderr: stdout is the program's. What exporters complain of goes to
// otel.Handle, which writes to stderr unless the program sets another handler.
//
// The providers are the package's own. The global ones are neither used nor set,
// so that a program which sets its own up works as it did; connection spans link
// to that program's spans all the same. What it does not leave alone is a
// program's own call of Tracker.Capture, which returns ErrCapturing; Dialers and
// Register count for their own Trackers.
//
// Connections to the OTLP endpoints that the environment names are not tracked.
// Where metrics are exported by way of a proxy, those to the proxy are.
//
// # With none
//
// A table of the connections is written to stderr when the program ends.
// NETSTATS_SUMMARY=json makes that JSON, NETSTATS_SUMMARY=off nothing, and
// NETSTATS_SUMMARY=table writes it with an exporter, too. What is not printable
// in the name of a server is escaped, and long names are cut: a stranger may have
// chosen them.
//
// # How a program may end
//
// What is known is exported, and the table written, before the program ends by
//
//   - a return from main, os.Exit and log.Fatal,
//   - SIGINT and SIGTERM, on Unix, if the program does not handle them itself
//     by package os/signal. The signal then has its usual effect. One that was
//     ignored when the program started stays so,
//   - a panic that nothing recovers.
//
// The last two need a build with -auto: they depend on a few lines in packages
// os/signal and runtime. Nothing is written on what Go calls a fatal error
// (concurrent map writes, a deadlock, out of memory), on SIGKILL, SIGQUIT and
// other signals, or when C code ends the process. The end takes as long as the
// exporters need, but 5 seconds at most.
//
// The exit status is always the program's own. As in any program that waits for
// signals, the runtime does not detect that all goroutines are asleep.
package auto
