package connstat

import "github.com/netstats-go/netstats/internal/tcpinfo"

// Close closes the watched connection by inner, whose error it returns. If
// nothing ended the connection before, it ends with the reason that its history
// tells, and what the kernel says; ask is how to ask the kernel, nil if there is
// no way.
//
// Whatever happens in between, the connection is closed, the owner told, and the
// numbers are kept: an owner's callback may end the goroutine, and inner may be
// anybody's Close, which panics.
func (r *Record) Close(inner func() error, ask func() (tcpinfo.Info, bool)) error {
	if r.Ended() {
		return inner()
	}
	var info tcpinfo.Info
	asked := false
	if ask != nil {
		if info, asked = ask(); asked {
			r.Sampled(info)
		}
	}
	if !r.end(func(noted *outcome) *outcome { return r.verdict(noted, info.Peer) }) {
		return inner()
	}
	return r.close(inner, info, asked)
}

func (r *Record) close(inner func() error, info tcpinfo.Info, asked bool) (err error) {
	defer r.closed()
	told := false
	defer func() {
		if !told {
			err = inner()
		}
	}()
	r.Owner.Ended(info, asked)
	told = true
	return inner()
}

// closed does what is left to do when the watched connection is closed.
func (r *Record) closed() {
	r.leak.Stop() // else the collector would have to call Dropped for nothing
	defer r.Owner.Closed()
	r.fold() // before the owner lets go of it: whoever waits for that exports the totals
}

// End ends the connection with the given reason, if nothing did before. It
// reports whether this call was the one. The watched connection stays as it is.
func (r *Record) End(reason Reason) bool {
	if !r.endAs(reason) {
		return false
	}
	r.ended()
	return true
}

// ended tells the owner of a connection that ended without being closed.
func (r *Record) ended() {
	defer r.Owner.Closed()
	defer r.fold() // before Closed, as in closed
	r.Owner.Ended(r.Ask())
}

// Discard undoes [Record.Init] for a record that nobody got to see. It has ended
// then, and counts for nothing.
func (r *Record) Discard() {
	if r.outcome.CompareAndSwap(nil, &plainOutcomes[Local]) {
		r.totals.open.Add(-1)
	}
}
