package auto

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/netstats-go/netstats/internal/terminal"
)

// maxCell bounds the width of a cell: the names that clouds give to load
// balancers fit in, and ten columns of a stranger's are still a line.
const maxCell = 100

// A column is aligned to the left, or else to the right.
type column struct {
	head string
	left bool
}

// writeTable writes the report for human eyes.
func (r *report) writeTable(w io.Writer) {
	fmt.Fprintf(w, "\nnetstats: %s", plural(r.Total.Connections, "connection"))
	if n := r.Total.Accepted; n > 0 {
		fmt.Fprintf(w, " (%d accepted)", n)
	}
	fmt.Fprintf(w, ", %s received, %s sent", size(r.Total.Received), size(r.Total.Sent))
	if n := r.failed(); n > 0 {
		fmt.Fprintf(w, ", %s", plural(n, "failed dial"))
	}
	fmt.Fprintln(w)
	switch {
	case r.Total.Connections == 0:
	case r.Rows != nil:
		r.writeRows(w)
	default:
		r.writeServers(w)
	}
	r.writeFailures(w)
}

// writeFailures has a line for each reason of each server.
func (r *report) writeFailures(w io.Writer) {
	var lines [][]string
	for _, f := range r.Failures {
		for _, reason := range f.Reasons.byCount() {
			lines = append(lines, []string{f.Server, strconv.Itoa(f.Reasons[reason]), reason})
		}
	}
	if more := len(lines) - maxRows; more > 0 {
		lines = append(lines[:maxRows], []string{"and " + strconv.Itoa(more) + " more", "", ""})
	}
	if len(lines) > 0 {
		fmt.Fprintln(w)
		align(w, []column{{"FAILED DIALS", true}, {"TIMES", false}, {"REASON", true}}, lines)
	}
}

func (r *report) writeRows(w io.Writer) {
	columns := []column{{"SERVER", true}, {"IN/OUT", true}, {"OPENED BY", true}, {"RX", false}, {"TX", false}, {"DIAL", false}, {"DNS", false}, {"CONNECT", false}, {"AGE", false}, {"END", true}}
	var lines [][]string
	for _, c := range r.Rows {
		lines = append(lines, []string{c.name(), string(c.Direction), orDash(c.Caller), size(c.Received), size(c.Sent), short(c.Dial.Total), short(c.Dial.DNS), short(c.Dial.Connect), short(c.Age), c.End})
	}
	total := []string{"total " + strconv.Itoa(r.Total.Connections), "", "", size(r.Total.Received), size(r.Total.Sent), "", "", "", "", ""}
	align(w, columns, append(lines, total))
}

// name is the server, with the network unless that is the usual one.
func (r row) name() string {
	if strings.HasPrefix(r.Network, "tcp") {
		return r.Server
	}
	return r.Network + " " + r.Server
}

func (r *report) writeServers(w io.Writer) {
	columns := []column{{"SERVER", true}, {"IN/OUT", true}, {"CONNS", false}, {"OPENED BY", true}, {"RX", false}, {"TX", false}, {"DIAL (mean)", false}, {"DNS", false}, {"CONNECT", false}, {"AGE (max)", false}, {"END", true}}
	var lines [][]string
	for i, s := range r.Servers {
		if i == maxRows {
			lines = append(lines, rest(r.Servers[i:]))
			break
		}
		lines = append(lines, s.line())
	}
	total := []string{"total", "", strconv.Itoa(r.Total.Connections), "", size(r.Total.Received), size(r.Total.Sent), "", "", "", "", ""}
	align(w, columns, append(lines, total))
}

func (s server) line() []string {
	mean := s.mean()
	return []string{s.Server, string(s.Direction), strconv.Itoa(s.Connections), s.Callers.names(), size(s.Received), size(s.Sent), short(mean.Total), short(mean.DNS), short(mean.Connect), short(s.Age), s.Ends.text()}
}

// rest is one line for all servers that are not shown.
func rest(servers []server) []string {
	var sum group
	for _, s := range servers {
		sum.Connections += s.Connections
		sum.Received += s.Received
		sum.Sent += s.Sent
	}
	return []string{plural(len(servers), "more server"), "", strconv.Itoa(sum.Connections), "", size(sum.Received), size(sum.Sent), "", "", "", "", ""}
}

// align writes the lines below the heads of the columns. All that a cell may
// hold is made fit for a terminal here.
func align(w io.Writer, columns []column, lines [][]string) {
	head := make([]string, len(columns))
	width := make([]int, len(columns))
	for i, c := range columns {
		head[i] = c.head
	}
	lines = append([][]string{head}, lines...)
	for _, line := range lines {
		for i := range line {
			line[i] = terminal.Text(line[i], maxCell)
			width[i] = max(width[i], utf8.RuneCountInString(line[i]))
		}
	}
	for _, line := range lines {
		var b strings.Builder
		for i, cell := range line {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
			if columns[i].left {
				b.WriteString(cell + pad + "  ")
			} else {
				b.WriteString(pad + cell + "  ")
			}
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}

// byCount returns the names, the most frequent first.
func (t tally) byCount() []string {
	return slices.SortedFunc(maps.Keys(t), func(a, b string) int {
		return cmp.Or(cmp.Compare(t[b], t[a]), cmp.Compare(a, b))
	})
}

// text lists counts and names.
func (t tally) text() string {
	var parts []string
	for _, name := range t.byCount() {
		parts = append(parts, strconv.Itoa(t[name])+" "+name)
	}
	return strings.Join(parts, ", ")
}

// names lists the two most frequent ones.
func (t tally) names() string {
	names := t.byCount()
	more := ""
	if len(names) > 2 {
		names, more = names[:2], fmt.Sprintf(", %d more", len(names)-2)
	}
	return orDash(strings.Join(names, ", ") + more)
}

func orDash(s string) string { return cmp.Or(s, "-") }

func plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return strconv.Itoa(n) + " " + noun
}
