package otelnetstats_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/netstats-go/netstats/otelnetstats"
)

// The registry of the telemetry, semconv/registry, is compared with what all the
// tests have seen: what was seen has to be declared, and what is declared has to be
// seen.

// ofUsers are facts that tests bring about as users can: on spans they may set
// attributes of ours.
var ofUsers = []string{"span dial: at its start netstats.connection.id"}

// telemetry is the registry, as its list for programs has it.
var telemetry = &registry{}

type registry struct {
	Metrics []struct {
		Name        string
		Instrument  string
		Unit        string
		Description string
		Bounds      []float64
		Attributes  []string
		Own         bool `json:"own_attributes"`
	}
	Spans []struct {
		Name, Kind              string
		Start, Early, End, Last []string
		Own                     bool `json:"own_attributes"`
	}
	Events []struct {
		Name       string
		Spans      []string
		Attributes []string
		Own        bool `json:"own_attributes"`
		Log        *struct {
			Attributes []string
			Own        bool `json:"own_attributes"`
		}
	}
	Scope []struct {
		Name, Unseen string
	} `json:"scope_attributes"`
	Attributes []struct {
		Name   string
		Values []string
		Closed bool
	}

	once sync.Once
	err  error
}

// read reads the list, once.
func (r *registry) read() error {
	r.once.Do(func() {
		text, err := os.ReadFile("../semconv/names.json")
		if err == nil {
			err = json.Unmarshal(text, r)
		}
		r.err = err
	})
	return r.err
}

// closed reports whether an attribute has no other values than those declared.
func (r *registry) closed(name string) bool {
	if r.read() != nil {
		return false
	}
	for i := range r.Attributes {
		if r.Attributes[i].Name == name {
			return r.Attributes[i].Closed
		}
	}
	return false
}

// values are those declared of an attribute.
func (r *registry) values(t *testing.T, name string) []string {
	t.Helper()
	if err := r.read(); err != nil {
		t.Fatal(err)
	}
	for _, a := range r.Attributes {
		if a.Name == name {
			return a.Values
		}
	}
	t.Fatalf("the registry has no attribute %s", name)
	return nil
}

// A factSet grows by all that is said of a subject.
type factSet map[fact]bool

func (s factSet) add(subject fact, own bool, what ...string) {
	for _, w := range what {
		subject.what = w
		s[subject] = true
	}
	if own {
		subject.about, subject.what = attributes, ""
		s[subject] = true
	}
}

// facts are what the registry says. What the tests need not see is in unseen: they
// cannot bring about every error.
func (r *registry) facts() (all, unseen factSet) {
	all, unseen = make(factSet), make(factSet)
	for _, m := range r.Metrics {
		of := fact{kind: "metric", name: m.Name}
		all[of] = true
		all.add(fact{kind: "metric", name: m.Name, about: anInstrument}, false, describe(m.Instrument, m.Unit, m.Description))
		if m.Bounds != nil {
			all.add(fact{kind: "metric", name: m.Name, about: hasBoundaries}, false, fmt.Sprint(m.Bounds))
		}
		all.add(fact{kind: "metric", name: m.Name, about: anAttribute}, m.Own, m.Attributes...)
	}
	for _, s := range r.Spans {
		action, _, _ := strings.Cut(s.Name, " ")
		all.add(fact{kind: "span", name: action, about: anInstrument}, false, s.Kind)
		all.add(fact{kind: "span", name: action, about: atStart}, s.Own, s.Start...)
		all.add(fact{kind: "span", name: action, about: atEnd}, false, slices.Concat(s.Early, s.End, s.Last)...)
	}
	for _, e := range r.Events {
		for _, span := range e.Spans {
			of := fact{kind: "event", name: e.Name, on: span}
			all[of] = true
			of.about = anAttribute
			all.add(of, e.Own, e.Attributes...)
		}
		if e.Log != nil {
			of := fact{kind: "log event", name: e.Name}
			all[of] = true
			of.about = anAttribute
			all.add(of, e.Log.Own, e.Log.Attributes...)
		}
	}
	for _, a := range r.Attributes {
		of := fact{kind: "attribute", name: a.Name, about: aValue}
		all.add(of, false, a.Values...)
		if !a.Closed {
			unseen.add(of, false, a.Values...)
		}
	}
	for _, a := range r.Scope {
		of := fact{kind: "scope", name: "of all", about: anAttribute, what: a.Name}
		all[of] = true
		unseen[of] = a.Unseen != ""
	}
	return all, unseen
}

// compareWithRegistry reports what was seen and is not declared, and after a whole
// run that has passed, what is declared and was not seen.
func compareWithRegistry(passed bool) error {
	if err := telemetry.read(); err != nil {
		return err
	}
	var c comparison
	all, unseen := telemetry.facts()
	saw := factSet(seen.all())
	for f := range saw {
		c.want(all[f] || covered(ofUsers, f), "seen, and not declared in semconv/registry: %v", f)
	}
	if passed && wholeRun() {
		for f := range all {
			c.want(saw[f] || unseen[f], "declared in semconv/registry, and not seen in any test: %v", f)
		}
		c.stale("ofUsers", ofUsers, saw)
	}
	slices.Sort(c.lines)
	if c.lines == nil {
		return nil
	}
	return errors.New(strings.Join(c.lines, "\n"))
}

type comparison struct{ lines []string }

func (c *comparison) want(holds bool, format string, args ...any) {
	if !holds {
		c.lines = append(c.lines, fmt.Sprintf(format, args...))
	}
}

// stale reports entries of a list that stand for no fact.
func (c *comparison) stale(name string, list []string, facts factSet) {
	for _, entry := range list {
		found := false
		for f := range facts {
			found = found || covered([]string{entry}, f)
		}
		c.want(found, "there is no such thing, so it is to leave the list %s: %s", name, entry)
	}
}

// covered reports whether a list has a fact, or all that is said of its subject.
func covered(list []string, f fact) bool {
	return slices.ContainsFunc(list, func(entry string) bool {
		return f.String() == entry || strings.HasPrefix(f.String(), entry+":")
	})
}

// wholeRun reports whether all tests run that can, on the system that has all of
// the telemetry.
func wholeRun() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" {
			return false
		}
	}
	return !testing.Short() && runtime.GOOS == "linux"
}

func TestDocHasAllMetrics(t *testing.T) {
	if err := telemetry.read(); err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range telemetry.Metrics {
		// The documentation abbreviates what differs in the role only.
		name := strings.Replace(m.Name, "netstats.server.", "netstats.client.", 1)
		if !strings.Contains(string(doc), m.Name) && !strings.Contains(string(doc), name) {
			t.Errorf("doc.go lacks %s", m.Name)
		}
	}
}

// The values that the code has are those of the registry, where the tests cannot
// bring each of them about.
func TestValuesAreThoseOfTheRegistry(t *testing.T) {
	for name, code := range map[string][]string{
		"netstats.connection.close.reason": stringConstants(t, "reason.go"),
		"error.type": append(stringConstants(t, "errortype.go", "../internal/neterr/neterr.go"),
			"_OTHER", string(otelnetstats.ClosedLeaked)),
	} {
		values := telemetry.values(t, name)
		for _, v := range code {
			if !slices.Contains(values, v) {
				t.Errorf("the code has the value %s of %s, which semconv/registry has not", v, name)
			}
		}
		for _, v := range values {
			if !slices.Contains(code, v) {
				t.Errorf("semconv/registry has the value %s of %s, which the code has not", v, name)
			}
		}
	}
}

// stringConstants are the values of the constants of files.
func stringConstants(t *testing.T, files ...string) []string {
	t.Helper()
	values := make(map[string]bool)
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			declaration, ok := n.(*ast.GenDecl)
			if !ok || declaration.Tok != token.CONST {
				return true
			}
			for _, spec := range declaration.Specs {
				for _, v := range spec.(*ast.ValueSpec).Values {
					if literal, ok := v.(*ast.BasicLit); ok && literal.Kind == token.STRING {
						text, _ := strconv.Unquote(literal.Value)
						values[text] = true
					}
				}
			}
			return true
		})
	}
	return slices.Sorted(maps.Keys(values))
}
