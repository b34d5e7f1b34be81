package otelnetstats

// Version is the version of this module, as the instrumentation scope reports it.
const Version = "0.1.0"
