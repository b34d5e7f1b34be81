package netstatstest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/netstats-go/netstats/internal/terminal"
)

const (
	maxRows   = 40  // of a table
	maxShown  = 12  // frames of a stack
	maxLength = 120 // of what strangers choose, such as a server's name
)

// text says which budgets were not kept, why that may be, and by which connections.
func text(faults []fault, ev evidence) string {
	var b strings.Builder
	var guilty []*entry
	var advice []string
	for i, f := range faults {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(f.text)
		guilty = append(guilty, f.guilty...)
		why := f.advice
		if why == "" {
			why = ev.cause(f)
		}
		if why != "" && !slices.Contains(advice, why) {
			advice = append(advice, why)
		}
	}
	for _, a := range advice {
		b.WriteString("\n" + a)
	}
	rows := rowsOf(inOrder(guilty), ev.start)
	if len(rows) > 0 {
		b.WriteString("\n\n")
		writeTable(&b, rows)
		writeStacks(&b, rows)
	}
	return strings.TrimRight(b.String(), "\n")
}

// inOrder sorts entries by when they began, each once.
func inOrder(entries []*entry) []*entry {
	sorted := slices.Clone(entries)
	slices.SortStableFunc(sorted, func(a, b *entry) int { return a.first - b.first })
	return slices.Compact(sorted)
}

// A row is a connection, or dials that failed in the same way.
type row struct {
	entry *entry
	times int
	cells []string
	stack string
}

func rowsOf(entries []*entry, start time.Time) (rows []*row) {
	failures := make(map[string]*row)
	for _, e := range entries {
		s := e.stack.String()
		if e.err != nil {
			key := e.server + "\x00" + e.err.Error() + "\x00" + s
			if r, ok := failures[key]; ok {
				r.times++
				continue
			}
			failures[key] = &row{entry: e, times: 1, stack: s}
			rows = append(rows, failures[key])
			continue
		}
		rows = append(rows, &row{entry: e, times: 1, stack: s})
	}
	for _, r := range rows {
		r.cells = r.entry.cells(start, r.times)
	}
	return rows
}

var head = []string{"SERVER", "AFTER", "DIAL", "OPEN FOR", "RECEIVED", "SENT", "LAST MARK", "END", "DIALED"}

// cells are those of a row of the table, without where it was dialed.
func (e *entry) cells(start time.Time, times int) []string {
	after := duration(int64(e.opened.Sub(start)))
	if e.err != nil {
		return []string{show(e.server), after, "-", "-", "-", "-", "-", failureText(e, times)}
	}
	stats, life := e.conn.Stats(), "-"
	if !e.ended.IsZero() && !e.dropped { // the time of a bubble is not that of the collector
		life = duration(int64(e.ended.Sub(e.opened)))
	}
	return []string{
		show(e.server), after, duration(int64(e.conn.Setup().Total)), life,
		size(stats.Received.Bytes), size(stats.Sent.Bytes), orDash(show(e.marked())), e.outcome(),
	}
}

func failureText(e *entry, times int) string {
	if times == 1 {
		return "failed: " + show(e.err.Error())
	}
	return fmt.Sprintf("failed %d times: %s", times, show(e.err.Error()))
}

// outcome says how the connection ended, or that it did not.
func (e *entry) outcome() string {
	switch {
	case e.dropped:
		return "leaked: dropped without Close"
	case e.leaked:
		return "leaked: still open"
	case e.pooled:
		return "idle in a pool"
	case e.cut && closedLocally(e):
		return "closed: with the test's context"
	}
	return "closed: " + string(e.conn.CloseReason())
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// show is what strangers chose, fit for a terminal.
func show(s string) string { return terminal.Text(s, maxLength) }

func writeTable(b *strings.Builder, rows []*row) {
	tw := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, strings.Join(head, "\t"))
	letters := letters(rows)
	for _, r := range rows[:min(len(rows), maxRows)] {
		fmt.Fprintf(tw, "%s\t%s\n", strings.Join(r.cells, "\t"), orDash(letters[r.stack]))
	}
	_ = tw.Flush() // a strings.Builder takes all
	if more := len(rows) - maxRows; more > 0 {
		fmt.Fprintf(b, "and %d more\n", more)
	}
}

// letters name the stacks of the rows that are shown.
func letters(rows []*row) map[string]string {
	names := make(map[string]string)
	for _, r := range rows[:min(len(rows), maxRows)] {
		if _, ok := names[r.stack]; !ok && r.stack != "" {
			names[r.stack] = "[" + strconv.Itoa(len(names)+1) + "]"
		}
	}
	return names
}

func writeStacks(b *strings.Builder, rows []*row) {
	letters := letters(rows)
	for _, r := range rows[:min(len(rows), maxRows)] {
		name := letters[r.stack]
		if name == "" {
			continue
		}
		delete(letters, r.stack)
		by := "dialed by"
		if r.entry.stack.http {
			by = "dialed by net/http for"
		}
		fmt.Fprintf(b, "\n%s %s\n", name, by)
		for _, f := range r.entry.stack.frames[:min(len(r.entry.stack.frames), maxShown)] {
			fmt.Fprintf(b, "\t%s\n\t\t%v\n", f.function, f)
		}
	}
}

// size says n in a unit that suits it.
func size(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	value, unit := float64(n)/1000, 0
	for value >= 999.95 && unit < len("kMGTPE")-1 {
		value /= 1000
		unit++
	}
	return fmt.Sprintf("%.1f %cB", value, "kMGTPE"[unit])
}

// duration says n nanoseconds in three digits.
func duration(n int64) string {
	unit := time.Duration(1)
	for time.Duration(n)/unit >= 1000 {
		unit *= 10
	}
	return time.Duration(n).Round(unit).String()
}
