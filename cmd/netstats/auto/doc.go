// Package auto shows every connection of a program whose source says nothing of
// it. It is what `netstats build -auto` links in, by one of three packages below
// this one that differ in their exporters: table has none, otlp has OTLP over HTTP
// and the console, all has what package autoexport knows. None is for programs to
// import.
//
// Capture begins when the package is initialized, which is before main, but not
// before the initialization of packages whose path is less, and which do not
// import it. In a build by the go command alone the package does nothing.
//
// # With an exporter configured
//
// If any of the variables OTEL_EXPORTER_* or OTEL_*_EXPORTER is set, spans and
// metrics go to where the OTEL_* variables say, as package autoexport reads
// them. If they ask for what was not linked in, a line on stderr says so. What is said of one signal only leaves the other at the default, OTLP
// over HTTP to localhost. OTEL_SDK_DISABLED=true has the package do nothing. The
// resource has the name of the main module as service.name, a service.instance.id
// made up for each process, and netstats as telemetry.distro.name; it tells of
// host, process and Go. OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES outdo that.
// Command lines are left out, for the secrets in them. The exporter "console"
// writes to stderr: stdout is the program's. What exporters complain of is a line
// on stderr, once and not at each export. Of a signal that the backend does not
// take, that line has the variable that leaves it out.
//
// The package's OpenTelemetry is a copy that the program knows nothing of, nor do
// its providers: a program which sets up its own works as it did, in whatever
// version. What is dialed in one of the program's spans is a child of that span all
// the same. A program that has this library itself uses it as ever,
// Tracker.Capture included: each of the two counts for itself.
//
// Connections to the OTLP endpoints that the environment names are not tracked.
// Where metrics are exported by way of a proxy, those to the proxy are.
//
// # With none
//
// A table of the connections, dialed and accepted, is written to stderr when the
// program ends.
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
