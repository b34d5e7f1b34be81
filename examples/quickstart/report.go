package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/netstats-go/netstats/otelnetstats"
)

// A printer prints each step of each connection, and remembers the connections.
// It is an otelnetstats.IOCallback.
type printer struct {
	otelnetstats.NopCallback
	steps *log.Logger // for it is safe to use from the goroutines of all connections

	mu     sync.Mutex
	conns  []*otelnetstats.Conn
	closed map[*otelnetstats.Conn]time.Time
}

var _ otelnetstats.IOCallback = (*printer)(nil)

func newPrinter(w io.Writer) *printer {
	return &printer{steps: log.New(w, "", 0), closed: make(map[*otelnetstats.Conn]time.Time)}
}

func (p *printer) Open(_ context.Context, c *otelnetstats.Conn) {
	p.steps.Printf("open #%d to %s (%s)", c.ID(), c.Address(), c.RemoteAddr())
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = append(p.conns, c)
}

func (p *printer) Read(_ context.Context, c *otelnetstats.Conn, n int) {
	p.steps.Printf("read %d bytes from #%d", n, c.ID())
}

func (p *printer) Write(_ context.Context, c *otelnetstats.Conn, n int) {
	p.steps.Printf("write %d bytes to #%d", n, c.ID())
}

func (p *printer) Close(_ context.Context, c *otelnetstats.Conn) {
	s := c.Stats()
	p.steps.Printf("close #%d (%s): read %d bytes, wrote %d bytes", c.ID(), c.CloseReason(), s.Received.Bytes, s.Sent.Bytes)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed[c] = time.Now()
}

func (p *printer) DialError(_ context.Context, network, address string, err error) {
	p.steps.Printf("dial error %s %s: %v", network, address, err)
}

// table prints where the time and the bytes of each connection went: lap by lap,
// and in all.
func (p *printer) table(w io.Writer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	rows := [][]string{{"CONNECTION", "UNTIL", "TIME", "RECEIVED", "SENT"}}
	for _, c := range p.conns {
		rows = append(rows, connectionRows(c, p.closed[c])...)
	}
	if len(rows) > 1 {
		fmt.Fprintln(w)
		align(w, rows, 2)
	}
}

func connectionRows(c *otelnetstats.Conn, closed time.Time) [][]string {
	s := c.Stats()
	last := otelnetstats.Lap{At: s.Opened}
	var rows [][]string
	for _, lap := range s.Marks {
		rows = append(rows, row(lap.Name, lap.Elapsed, lap.Received, lap.Sent))
		last = lap
	}
	received, sent := s.Received.Bytes, s.Sent.Bytes
	rows = append(rows,
		row(fmt.Sprintf("close (%s)", c.CloseReason()), closed.Sub(last.At), received-last.TotalReceived, sent-last.TotalSent),
		row("in all", closed.Sub(s.Opened), received, sent))
	rows[0][0] = fmt.Sprintf("#%d %s", c.ID(), c.Address())
	return rows
}

func row(until string, took time.Duration, received, sent int64) []string {
	return []string{"", until, humanTime(took), humanBytes(received), humanBytes(sent)}
}

// align prints columns, the first few of them flush left and the others right.
func align(w io.Writer, rows [][]string, left int) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			width := widths[i]
			if i < left {
				width = -width
			}
			fmt.Fprintf(&line, "%*s  ", width, cell)
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}

// humanTime says d in three digits.
func humanTime(d time.Duration) string {
	unit := time.Duration(1)
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit).String()
}

// humanBytes says n in a unit that suits it.
func humanBytes(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	size, unit := float64(n)/1000, 0
	for size >= 999.95 && unit < len("kMGTPE")-1 {
		size /= 1000
		unit++
	}
	return fmt.Sprintf("%.1f %cB", size, "kMGTPE"[unit])
}
