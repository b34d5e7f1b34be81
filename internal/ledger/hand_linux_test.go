package ledger

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"syscall"
	"time"
)

// A ledgerHand is a goroutine that makes calls on an end.
type ledgerHand struct {
	*ledgerEnd
	worker *ledgerWorker
	r      *rand.Rand
}

// errLedger is what readers and writers fail with that fail on purpose.
var errLedger = errors.New("made to fail")

// writeAll makes the calls of a writer.
func (h *ledgerHand) writeAll() {
	closeAt := h.r.IntN(4 * h.manner.calls) // at most one in four does
	for i := range h.manner.calls {
		switch {
		case i == closeAt && h.manner.abrupt:
			h.close()
		case i == closeAt && h.r.IntN(4) == 0:
			h.closeWrite()
		}
		if h.r.IntN(4) == 0 {
			h.office(h.r)
		}
		if h.write() {
			return
		}
	}
}

// readAll makes the calls of a reader: until the end of the stream, unless the
// end is lazy.
func (h *ledgerHand) readAll() {
	for i := 0; !h.manner.lazy || i < 5; i++ {
		if h.r.IntN(8) == 0 {
			h.office(h.r)
		}
		if h.read() {
			return
		}
	}
}

// over reports whether an error ends the connection, for this direction at
// least. If it was a deadline, it is taken off.
func (h *ledgerHand) over(call string, err error) bool {
	switch {
	case err == nil, errors.Is(err, errLedger):
		return false
	case errors.Is(err, os.ErrDeadlineExceeded):
		_ = h.conn.SetDeadline(time.Time{}) // fails once closed
		return false
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		errors.Is(err, net.ErrClosed) && h.closing.Load():
		return true
	}
	h.errorf("%s: %v", call, err)
	return true
}

// A ledgerCall moves up to size bytes.
type ledgerCall struct {
	name string
	do   func(h *ledgerHand, size int64) (int64, error)
	// parts says that the call counts once for each part in which bytes moved,
	// untold that it counts for none. Others count once if they moved any.
	parts, untold bool
}

var ledgerWrites = []ledgerCall{
	{name: "Write", do: (*ledgerHand).callWrite},
	{name: "Write", do: (*ledgerHand).callWrite},
	{name: "net.Buffers.WriteTo", do: (*ledgerHand).callBuffers, untold: true},
	{name: "io.Copy of bytes", do: func(h *ledgerHand, n int64) (int64, error) {
		return io.Copy(h.conn, bytes.NewReader(ledgerPayload[:n]))
	}},
	{name: "io.Copy of a reader", do: func(h *ledgerHand, n int64) (int64, error) {
		return io.Copy(h.conn, ledgerReader{bytes.NewReader(ledgerPayload[:n])})
	}, parts: true},
	{name: "ReadFrom a reader that fails", do: func(h *ledgerHand, n int64) (int64, error) {
		return h.conn.(io.ReaderFrom).ReadFrom(io.MultiReader(bytes.NewReader(ledgerPayload[:n]), ledgerFails{}))
	}, parts: true},
	{name: "ReadFrom a file", do: (*ledgerHand).callSendFile, parts: true},
	{name: "io.CopyN from a connection", do: func(h *ledgerHand, n int64) (int64, error) {
		return h.copyFrom(h.worker.source, func() (int64, error) {
			return io.CopyN(h.conn, h.worker.source.conn, n)
		})
	}, parts: true},
}

type ledgerFails struct{}

func (ledgerFails) Read([]byte) (int, error)  { return 0, errLedger }
func (ledgerFails) Write([]byte) (int, error) { return 0, errLedger }

// write makes one call and reports whether it was the last.
func (h *ledgerHand) write() (over bool) {
	c := ledgerWrites[h.r.IntN(len(ledgerWrites))]
	size := h.size()
	h.call()
	h.announced.Add(size)
	n, err := c.do(h, size)
	h.note(ledgerOut, c, n)
	h.announced.Add(n - size) // after the above: StatsOf looks at them the other way around
	return h.over(c.name, err)
}

// note enters a call that returned n.
func (h *ledgerHand) note(d int, c ledgerCall, n int64) {
	switch {
	case c.parts:
		h.parted[d].Store(true)
	case n > 0 && !c.untold:
		h.moving[d].Add(1)
	}
	h.returned[d].Add(n)
}

// size is small for most calls, and now and then nothing at all.
func (h *ledgerHand) size() int64 { return h.r.Int64N(1 << (1 + h.r.IntN(16))) }

func (h *ledgerHand) callWrite(n int64) (int64, error) {
	written, err := h.conn.Write(ledgerPayload[:n])
	return int64(written), err
}

func (h *ledgerHand) callBuffers(n int64) (int64, error) {
	var buffers net.Buffers
	for n > 0 {
		part := 1 + h.r.Int64N(n)
		buffers = append(buffers, ledgerPayload[:part])
		n -= part
	}
	return buffers.WriteTo(h.conn)
}

func (h *ledgerHand) callSendFile(n int64) (int64, error) {
	f, err := os.Open(h.run.file)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if _, err := f.Seek(ledgerMost-n, io.SeekStart); err != nil {
		return 0, err
	}
	if h.r.IntN(2) == 0 {
		return io.Copy(h.conn, f)
	}
	return h.conn.(io.ReaderFrom).ReadFrom(f)
}

// copyFrom enters a copy in the books of the connection at its other side, too.
// What was read from it and could not be written is lost in between.
func (h *ledgerHand) copyFrom(source *ledgerEnd, copied func() (int64, error)) (int64, error) {
	source.spilled.Store(true)
	source.parted[ledgerIn].Store(true)
	n, err := copied()
	source.returned[ledgerIn].Add(n)
	return n, err
}

var ledgerReads = []ledgerCall{
	{name: "Read", do: (*ledgerHand).callRead},
	{name: "Read", do: (*ledgerHand).callRead},
	{name: "Read", do: (*ledgerHand).callRead},
	{name: "Read of nothing", do: func(h *ledgerHand, _ int64) (int64, error) {
		n, err := h.conn.Read(nil)
		return int64(n), err
	}},
	{name: "io.CopyN to a writer", do: func(h *ledgerHand, n int64) (int64, error) {
		return io.CopyN(ledgerWriter{io.Discard}, h.conn, n)
	}, parts: true},
	{name: "WriteTo a writer", do: func(h *ledgerHand, _ int64) (int64, error) {
		return h.writeTo(ledgerWriter{io.Discard})
	}, parts: true},
	{name: "WriteTo a writer that fails", do: func(h *ledgerHand, _ int64) (int64, error) {
		h.spilled.Store(true)
		return h.writeTo(ledgerFails{})
	}, parts: true},
	{name: "WriteTo a file", do: func(h *ledgerHand, _ int64) (int64, error) {
		return h.writeTo(h.worker.scratch)
	}, parts: true},
	{name: "WriteTo a connection", do: func(h *ledgerHand, _ int64) (int64, error) {
		sink := h.worker.sink
		sink.announced.Add(1 << 40)
		n, err := h.writeTo(sink.conn)
		sink.parted[ledgerOut].Store(true)
		sink.returned[ledgerOut].Add(n)
		return n, err
	}, parts: true},
}

func (h *ledgerHand) callRead(n int64) (int64, error) {
	b := make([]byte, 1+n)
	read, err := h.conn.Read(b)
	return int64(read), err
}

// writeTo copies for a little while: a deadline ends it.
func (h *ledgerHand) writeTo(w io.Writer) (int64, error) {
	_ = h.conn.SetReadDeadline(time.Now().Add(time.Duration(h.r.IntN(500)) * time.Microsecond)) // fails once closed
	n, err := h.conn.(io.WriterTo).WriteTo(w)
	if err == nil {
		err = io.EOF
	}
	return n, err
}

// read makes one call and reports whether it was the last.
func (h *ledgerHand) read() (over bool) {
	c := ledgerReads[h.r.IntN(len(ledgerReads))]
	h.call()
	n, err := c.do(h, h.size())
	h.note(ledgerIn, c, n)
	if err == io.EOF { //nolint:errorlint // io.EOF is returned bare, as io.Reader demands
		h.eof.Store(true)
		return true
	}
	return h.over(c.name, err)
}
