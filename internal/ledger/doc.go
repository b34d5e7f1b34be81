// Package ledger tests that every byte is counted, and counted once. Its test
// makes generated calls on tracked TCP connections. It compares what package
// otelnetstats counted with three others who know: the calls, which returned how
// much they moved; the kernel, which counts for itself; and the peer.
//
// The test runs sessions. A session is the life of one connection: it leads from
// a tracked endpoint to another one, through a proxy that makes faults.
//
//	client endpoint <---> proxy <---> server endpoint
//	    callers          2 streams        callers
//
// The callers of an endpoint are goroutines that read, write, mark, reset and
// close at the same time. Once they are done, the endpoint's counts are checked.
// At the end of the test, the metrics are compared with the sum of all endpoints.
//
// The environment says how many calls are made, NETSTATS_LEDGER_OPS, and which
// ones, NETSTATS_LEDGER_SEED:
//
//	NETSTATS_LEDGER_OPS=100000 go test ./internal/ledger
package ledger
