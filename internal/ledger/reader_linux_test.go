package ledger

import (
	"io"
	"time"
)

// readAll makes the calls of a reader: until the end of the stream, unless the
// endpoint reads little.
func (c *caller) readAll() {
	for i := 0; !c.behavior.readsLittle || i < 5; i++ {
		if c.random.IntN(8) == 0 {
			c.control()
		}
		if c.read() {
			return
		}
	}
}

// read makes one call and reports whether it was the last.
func (c *caller) read() (last bool) {
	t := reads[c.random.IntN(len(reads))]
	c.countCall()
	n, err := t.call(c, c.size())
	c.results.add(received, t, n)
	if isReset(err) {
		c.results.wasReset.Store(true)
	}
	if err == io.EOF { //nolint:errorlint // io.EOF is returned bare, as io.Reader demands
		c.results.readEOF.Store(true)
		return true
	}
	return c.isLast(t.name, err)
}

var reads = []transfer{
	{name: "Read", call: (*caller).callRead},
	{name: "Read", call: (*caller).callRead},
	{name: "Read", call: (*caller).callRead},
	{name: "Read of nothing", call: func(c *caller, _ int64) (int64, error) {
		n, err := c.conn.Read(nil)
		return int64(n), err
	}},
	{name: "io.CopyN to a writer", call: func(c *caller, n int64) (int64, error) {
		return io.CopyN(onlyWriter{io.Discard}, c.conn, n)
	}, inParts: true},
	{name: "WriteTo a writer", call: func(c *caller, _ int64) (int64, error) {
		return c.writeTo(onlyWriter{io.Discard})
	}, inParts: true},
	{name: "WriteTo a writer that fails", call: func(c *caller, _ int64) (int64, error) {
		c.results.undelivered.Store(true)
		return c.writeTo(failing{})
	}, inParts: true},
	{name: "WriteTo a file", call: func(c *caller, _ int64) (int64, error) {
		return c.writeTo(c.worker.scratch)
	}, inParts: true},
	{name: "WriteTo a connection", call: (*caller).callCopyToSink, inParts: true},
}

func (c *caller) callRead(n int64) (int64, error) {
	b := make([]byte, 1+n)
	read, err := c.conn.Read(b)
	return int64(read), err
}

// callCopyToSink copies to the worker's sink, whose results it adds, too.
func (c *caller) callCopyToSink(int64) (int64, error) {
	sink := c.worker.sink
	sink.results.inParts[sent].Store(true)
	n, err := c.writeTo(sink.conn)
	sink.results.bytes[sent].Add(n)
	return n, err
}

// writeTo copies until a deadline that passes soon.
func (c *caller) writeTo(w io.Writer) (int64, error) {
	_ = c.conn.SetReadDeadline(time.Now().Add(time.Duration(c.random.IntN(500)) * time.Microsecond)) // fails once closed
	n, err := c.conn.(io.WriterTo).WriteTo(w)
	if err == nil {
		err = io.EOF
	}
	return n, err
}

// An onlyWriter hides all methods of a writer but Write.
type onlyWriter struct{ io.Writer }
