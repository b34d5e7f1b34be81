package connz

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// writeText writes the sheet for a terminal. What could move its cursor is quoted.
func (s *sheet) writeText(w io.Writer) error {
	r := s.rates()
	if _, err := fmt.Fprintf(w, "%s  %s open, %s dialing, %s ended (%s broken), %s dials failed   received %s (%s), sent %s (%s)\n%s\n\n",
		s.at.Local().Format("15:04:05"), count(s.totals.Open), count(s.totals.Dialing), count(s.totals.Ended), count(s.totals.Broken), count(s.totals.Failed),
		byteCount(s.totals.Received), r.text(r.received), byteCount(s.totals.Sent), r.text(r.sent), s.extent()); err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, line := range s.table() {
		for n := range line {
			line[n] = printable(line[n])
		}
		fmt.Fprintln(t, strings.TrimRight(strings.Join(line, "\t"), "\t"))
	}
	return t.Flush()
}

// extent says how much of all is shown.
func (s *sheet) extent() string {
	text := fmt.Sprintf("%s of %s %s", count(int64(s.matched)), count(int64(s.kept[s.state])), s.state)
	switch shown := len(s.items); {
	case s.group != "":
		text += fmt.Sprintf(" in %d groups", len(s.groups))
	case shown < s.matched:
		text += fmt.Sprintf(", the first %d shown", shown)
	}
	return text
}

// table is the sheet as lines of cells, the first of them the titles.
func (s *sheet) table() [][]string {
	if s.group != "" {
		return s.groupTable()
	}
	shown := slices.DeleteFunc(slices.Clone(columns[s.state]), func(c column) bool { return c.text == nil })
	lines := make([][]string, 1, len(s.items)+1)
	lines[0] = []string{"ID"}
	for _, c := range shown {
		lines[0] = append(lines[0], strings.ToUpper(c.title))
	}
	for _, i := range s.items {
		line := []string{i.id()}
		for _, c := range shown {
			line = append(line, c.text(i))
		}
		lines = append(lines, line)
	}
	return lines
}

func (s *sheet) groupTable() [][]string {
	lines := [][]string{{strings.ToUpper(s.group), "COUNT", "IDLE 1 MIN", "RECV/S", "SENT/S", "RECEIVED", "SENT", "STATES"}}
	for _, g := range s.groups {
		lines = append(lines, []string{
			g.title(), count(int64(g.count)), count(int64(g.idle)), g.rates.text(g.rates.received), g.rates.text(g.rates.sent),
			byteCount(g.received), byteCount(g.sent), g.mix(),
		})
	}
	return lines
}

// title is the group's name, as it may be none.
func (g *group) title() string {
	if g.name == "" {
		return "(not known)"
	}
	return g.name
}
