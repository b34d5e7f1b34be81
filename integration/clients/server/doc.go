// Package server starts real servers on free ports of the loopback interface,
// each with a folder of its own, for as long as a test lasts. Debian's packages
// have them; see [Packages].
//
// A test whose server is not installed is skipped, or fails where CI or
// NETSTATS_CLIENTS_RESULTS is set, as all of them must be there.
package server
