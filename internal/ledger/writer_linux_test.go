package ledger

import (
	"bytes"
	"io"
	"net"
	"os"
)

// writeAll makes the calls of a writer.
func (c *caller) writeAll() {
	closeAt := c.random.IntN(4 * c.behavior.calls) // at most one writer in four gets there
	for i := range c.behavior.calls {
		switch {
		case i == closeAt && c.behavior.closesEarly:
			c.close()
		case i == closeAt && c.random.IntN(4) == 0:
			c.closeWrite()
		}
		if c.random.IntN(4) == 0 {
			c.control()
		}
		if c.write() {
			return
		}
	}
}

// write makes one call and reports whether it was the last.
func (c *caller) write() (last bool) {
	t := writes[c.random.IntN(len(writes))]
	size := c.size()
	c.countCall()
	c.results.maxSent.Add(size)
	n, err := t.call(c, size)
	c.results.add(sent, t, n)
	c.results.maxSent.Add(n - size)
	if isReset(err) {
		c.noteReset(t)
	}
	return c.isLast(t.name, err)
}

// noteReset notes that a call failed because of a reset. The library does not see
// errors of writev, and ignores those that follow a CloseWrite.
func (c *caller) noteReset(t transfer) {
	if t.uncounted || c.closeWriteBegan.Load() > 0 {
		c.results.ignoredReset.Store(true)
	} else {
		c.results.wasReset.Store(true)
	}
}

var writes = []transfer{
	{name: "Write", call: (*caller).callWrite},
	{name: "Write", call: (*caller).callWrite},
	{name: "net.Buffers.WriteTo", call: (*caller).callBuffers, uncounted: true},
	{name: "io.Copy of bytes", call: func(c *caller, n int64) (int64, error) {
		return io.Copy(c.conn, bytes.NewReader(payload[:n]))
	}},
	{name: "io.Copy of a reader", call: func(c *caller, n int64) (int64, error) {
		return io.Copy(c.conn, onlyReader{bytes.NewReader(payload[:n])})
	}, inParts: true},
	{name: "ReadFrom a reader that fails", call: func(c *caller, n int64) (int64, error) {
		return c.conn.(io.ReaderFrom).ReadFrom(io.MultiReader(bytes.NewReader(payload[:n]), failing{}))
	}, inParts: true},
	{name: "ReadFrom a file", call: (*caller).callSendFile, inParts: true},
	{name: "io.CopyN from a connection", call: (*caller).callCopyFromSource, inParts: true},
}

func (c *caller) callWrite(n int64) (int64, error) {
	written, err := c.conn.Write(payload[:n])
	return int64(written), err
}

func (c *caller) callBuffers(n int64) (int64, error) {
	var buffers net.Buffers
	for n > 0 {
		part := 1 + c.random.Int64N(n)
		buffers = append(buffers, payload[:part])
		n -= part
	}
	return buffers.WriteTo(c.conn)
}

func (c *caller) callSendFile(n int64) (int64, error) {
	f, err := os.Open(c.run.file)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if _, err := f.Seek(maxTransfer-n, io.SeekStart); err != nil {
		return 0, err
	}
	if c.random.IntN(2) == 0 {
		return io.Copy(c.conn, f)
	}
	return c.conn.(io.ReaderFrom).ReadFrom(f)
}

// callCopyFromSource copies from the worker's source, whose results it adds, too.
func (c *caller) callCopyFromSource(n int64) (int64, error) {
	source := c.worker.source
	source.results.undelivered.Store(true)
	source.results.inParts[received].Store(true)
	n, err := io.CopyN(c.conn, source.conn, n)
	source.results.bytes[received].Add(n)
	return n, err
}

// An onlyReader hides all methods of a reader but Read.
type onlyReader struct{ io.Reader }
