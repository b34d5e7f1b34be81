package connstat

// The bits of Record.state.
const (
	stateSentFIN  uint32 = 1 << iota // this side closed its direction, by CloseWrite
	stateReadFIN                     // the peer's end of stream was read
	stateShutRead                    // this side closed the other direction, by CloseRead
	stateLent                        // the descriptor was given out
	stateRevealed                    // the owner knows that the watched connection was given out
	stateHeldUp                      // it was a write that found its deadline passed
	stateParting                     // a deadline passed, and another was set for what is still to be said
	stateParted                      // that was said
)

// moved is the number of bytes counted.
func (r *Record) moved() int64 { return r.received.load().Bytes + r.sent.load().Bytes }

// PeerClosed notes that the peer's end of stream was read, unless it is one of
// this side's making.
func (r *Record) PeerClosed() {
	if r.state.Load()&stateShutRead == 0 {
		r.state.Or(stateReadFIN)
	}
}

// ReadClosed notes that this side closes the peer's direction, by CloseRead: a
// read finds an end of stream from then on, also one that waits.
func (r *Record) ReadClosed() { r.state.Or(stateShutRead) }

// HalfClosed notes that this side closed its direction, by CloseWrite.
func (r *Record) HalfClosed() { r.state.Or(stateSentFIN) }

// CloseWrite closes this side's direction by the given function, whose error it
// returns. It notes that first: a write that waits fails before inner returns.
func (r *Record) CloseWrite(inner func() error) error {
	before := r.state.Or(stateSentFIN)
	err := inner()
	if err != nil && before&stateSentFIN == 0 {
		r.state.And(^stateSentFIN)
	}
	return err
}

// Lent notes that the descriptor was given out, so that more may happen to the
// connection than is seen.
func (r *Record) Lent() { r.state.Or(stateLent) }

// Used reports whether anything may have happened to the connection: bytes were
// counted, or the descriptor was given out.
func (r *Record) Used() bool { return r.state.Load()&stateLent != 0 || r.moved() != 0 }
