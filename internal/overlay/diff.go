package overlay

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// around is the number of unchanged lines shown on each side of changed ones.
const around = 3

// Diff writes what the overlay changes as a patch to GOROOT, for `patch -p1`. In
// front of each file it says what for, in lines that patch skips.
func (o *Overlay) Diff(w io.Writer) error {
	var out bytes.Buffer
	files := append(o.names(), ReleaseCopy)
	slices.Sort(files)
	for _, name := range files {
		contents := o.Files[name]
		if name == ReleaseCopy {
			var err error
			if contents, err = os.ReadFile(filepath.Join(o.Source.dir(releaseDir), releaseFile)); err != nil {
				return err
			}
		}
		o.explain(&out, name)
		diffFile(&out, "src/"+name, o.originals[name], contents)
	}
	_, err := w.Write(out.Bytes())
	return err
}

// explain writes why a file is changed or added.
func (o *Overlay) explain(out *bytes.Buffer, name string) {
	for _, p := range o.Points {
		switch {
		case p.File != name:
		case p.Declaration == "":
			fmt.Fprintf(out, "# Added, so that %s.\n", p.Why)
		default:
			fmt.Fprintf(out, "# %s is edited, so that %s.\n", p.Declaration, p.Why)
		}
	}
}

func diffFile(out *bytes.Buffer, path string, before, after []byte) {
	from := "a/" + path
	if before == nil {
		from = "/dev/null"
	}
	fmt.Fprintf(out, "--- %s\n+++ b/%s\n", from, path)
	d := differ{slices.Collect(strings.Lines(string(before))), slices.Collect(strings.Lines(string(after)))}
	for _, h := range d.hunks() {
		d.write(out, h)
	}
}

// A differ compares two texts of which the second has all lines of the first
// in the same places, changed or not, and then some.
type differ struct{ before, after []string }

// A hunk is a range of lines, those before and behind the changes included.
type hunk struct{ start, end int }

// hunks returns the ranges to show.
func (d differ) hunks() []hunk {
	var all []hunk
	for i := range d.after {
		if i < len(d.before) && d.before[i] == d.after[i] {
			continue
		}
		h := hunk{max(0, i-around), min(i+1+around, len(d.after))}
		if n := len(all); n > 0 && h.start <= all[n-1].end {
			all[n-1].end = h.end
		} else {
			all = append(all, h)
		}
	}
	return all
}

func (d differ) write(out *bytes.Buffer, h hunk) {
	before := d.before[min(h.start, len(d.before)):min(h.end, len(d.before))]
	after := d.after[h.start:h.end]
	fmt.Fprintf(out, "@@ -%s +%s @@\n", span(h.start, len(before)), span(h.start, len(after)))
	for i := 0; i < len(after); {
		if i < len(before) && before[i] == after[i] {
			out.WriteString(" " + after[i])
			i++
			continue
		}
		i = writeChange(out, before, after, i)
	}
}

// writeChange writes the changed lines from i on and returns where they end.
func writeChange(out *bytes.Buffer, before, after []string, i int) int {
	end := i
	for end < len(after) && (end >= len(before) || before[end] != after[end]) {
		end++
	}
	for _, line := range before[i:max(i, min(end, len(before)))] {
		out.WriteString("-" + line)
	}
	for _, line := range after[i:end] {
		out.WriteString("+" + line)
	}
	return end
}

// span is a range of lines as a patch has it, which counts from 1 and names the
// line before an empty range.
func span(start, n int) string {
	if n == 0 {
		return fmt.Sprintf("%d,0", start)
	}
	return fmt.Sprintf("%d,%d", start+1, n)
}
