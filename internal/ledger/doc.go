// Package ledger tests that everything is counted that moves. Its one test makes
// generated calls on tracked connections, with a proxy in the middle that makes
// faults, and compares what package otelnetstats counted with what the calls
// returned, what the kernel says, and what the proxy carried.
//
//	make ledger
package ledger
