// Package netstatstest has a test fail when the program under test goes about the
// network in another way than it should: when it dials once more than it needs to,
// leaks a connection, sends ten times the bytes, or talks to a stranger.
//
//	func TestFetch(t *testing.T) {
//		w := netstatstest.Watch(t, netstatstest.MaxDials(1), netstatstest.OnlyLoopback())
//		fetchAll(w.Client())
//	}
//
// A failure says which budget was not kept, why that may be, by which connections, and
// where in the program these were dialed.
//
// All times, orders and counts are the test's own, and so it works in a bubble of
// [testing/synctest], and with whatever is a net.Conn, such as the end of a net.Pipe.
package netstatstest
