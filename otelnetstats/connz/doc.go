// Package connz shows a program's connections live: a page for the browser, the same
// as JSON and as text.
//
//	mux.Handle("/debug/connz/", connz.Handler(tracker))
//
// The page has what is open now, the latest 256 connections that ended and why, and
// the latest 256 dials that failed. It begins to take notes when [Handler] is called.
// Nothing registers itself and nothing listens: where the page is to be seen is the
// program's to say, and who may see it is [WithGuard]'s; by default, those on the same
// machine.
//
// These are below the path at which the Handler is mounted, whatever that is:
//
//	./           the page, which works without JavaScript, too; ?format=text for curl, ?format=json
//	conns.json   the same as data
//	profile      for go tool pprof: connections, dials and bytes by the stack of the dial,
//	             with [otelnetstats.WithDialStacks]; ?seconds=30 is what happens from now on
//
// What is shown is chosen by the query, which the first two understand:
//
//	state   open (the default), closed or failed
//	q       a filter, such as "server:api rtt>50ms pgx"
//	sort    a column; -column for the largest first
//	group   server or caller: sums in the place of connections
//	open    the id of one connection, of which all is told
//	limit   how many, at most 200; of JSON, at most 10000
//
// A filter is words: each of them is to be found in a name, an address, a state, a
// mark or an error. With a field before it, such as server:api or -state:open, it is
// looked for there, and a minus has those left out that match. The text fields are
// state, server, dialer, peer, local, protocol, caller, role, mark, error and id; they
// take = in the place of the colon for the whole. The others are numbers, compared
// with < and >: durations age, idle, rtt, setup, dns, connect and tls (rtt>50ms), sizes
// received, sent and the rates rx and tx a second (received>10MB), and the numbers
// resent and marks. Text with spaces goes in double quotes.
package connz
