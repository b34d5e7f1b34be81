package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v3"
)

// A file is one of the registry, in version 1 of the syntax that the semantic
// conventions have for their own. The types below have the part of it that is used
// here, and decoding refuses the rest.
type file struct {
	Groups []*group `yaml:"groups"`
}

type group struct {
	ID          string       `yaml:"id"`
	Type        string       `yaml:"type"`
	Brief       string       `yaml:"brief"`
	Note        string       `yaml:"note"`
	DisplayName string       `yaml:"display_name"`
	Stability   string       `yaml:"stability"`
	Extends     string       `yaml:"extends"`
	Attributes  []*attribute `yaml:"attributes"`
	Annotations struct {
		Netstats groupHints `yaml:"netstats"`
	} `yaml:"annotations"`

	// Of metrics.
	MetricName string `yaml:"metric_name"`
	Instrument string `yaml:"instrument"`
	Unit       string `yaml:"unit"`

	// Of spans.
	SpanKind string   `yaml:"span_kind"`
	Events   []string `yaml:"events"`

	// Of events.
	Name string `yaml:"name"`
}

// groupHints are our annotations of a group.
type groupHints struct {
	Go          string   `yaml:"go"`          // the identifier of the name
	Description string   `yaml:"description"` // that of a metric's description
	Buckets     *buckets `yaml:"buckets"`
	Observable  bool     `yaml:"observable"` // the instrument is an asynchronous one
	Log         bool     `yaml:"log"`        // an event can be a log event
	Form        string   `yaml:"form"`       // of what extends it and is an event: "log", only log events have it
	Own         bool     `yaml:"own"`        // users can add attributes of their own
	Name        string   `yaml:"name"`       // of a span
	Short       string   `yaml:"short"`      // what tables call the attributes of the group
	Standard    bool     `yaml:"standard"`   // the group's attributes are the semantic conventions'
	Scope       bool     `yaml:"scope"`      // the group's attributes are those of the scope
	Platform    string   `yaml:"platform"`   // the only GOOS that has it
}

type buckets struct {
	Go     string    `yaml:"go"`
	Bounds []float64 `yaml:"bounds"`
}

// An attribute defines one, by ID, or refers to one, by Ref.
type attribute struct {
	ID               string           `yaml:"id"`
	Ref              string           `yaml:"ref"`
	Type             attributeType    `yaml:"type"`
	Brief            string           `yaml:"brief"`
	Note             string           `yaml:"note"`
	Stability        string           `yaml:"stability"`
	Examples         any              `yaml:"examples"`
	RequirementLevel requirementLevel `yaml:"requirement_level"`
	SamplingRelevant bool             `yaml:"sampling_relevant"`
	Annotations      struct {
		Netstats attributeHints `yaml:"netstats"`
	} `yaml:"annotations"`
}

// attributeHints are our annotations of an attribute.
type attributeHints struct {
	Go       string `yaml:"go"`       // the identifier of the key
	Values   string `yaml:"values"`   // what those of the values begin with, after "value"
	Closed   bool   `yaml:"closed"`   // there are no other values
	Platform string `yaml:"platform"` // the only GOOS that has it
	Unseen   string `yaml:"unseen"`   // of the scope: why the tests of the package cannot see it
	Form     string `yaml:"form"`     // of an event: "log", only log events have it

	// Set says when a span gets an attribute, if that is not at its start or at its
	// end: "early", right after the start, if it records; "last", at the end of the
	// last of several parts; "end", with sampling_relevant, at both.
	Set string `yaml:"set"`
}

// An attributeType is the name of a type, or an enumeration.
type attributeType struct {
	Name    string
	Members []member `yaml:"members"`
}

type member struct {
	ID        string `yaml:"id"`
	Value     string `yaml:"value"`
	Brief     string `yaml:"brief"`
	Note      string `yaml:"note"`
	Stability string `yaml:"stability"`
}

// UnmarshalYAML takes either form.
func (t *attributeType) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		return node.Decode(&t.Name)
	}
	var enum struct {
		Members []member `yaml:"members"`
	}
	if err := decodeStrictly(node, &enum); err != nil {
		return err
	}
	t.Members = enum.Members
	return nil
}

// A requirementLevel is a word, or a word with a condition.
type requirementLevel struct{ Word, Condition string }

// UnmarshalYAML takes either form.
func (l *requirementLevel) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		return node.Decode(&l.Word)
	}
	var words map[string]string
	if err := node.Decode(&words); err != nil {
		return err
	}
	if len(words) != 1 {
		return fmt.Errorf("line %d: a requirement level is one word and its condition", node.Line)
	}
	for word, condition := range words {
		*l = requirementLevel{word, condition}
	}
	return nil
}

// decodeStrictly decodes a node as the decoder of the whole file does: what the
// nodes themselves offer has forgotten which fields are known.
func decodeStrictly(node *yaml.Node, into any) error {
	text, err := yaml.Marshal(node)
	if err != nil {
		return err
	}
	if err := decode(text, into); err != nil {
		return fmt.Errorf("below line %d: %w", node.Line, err)
	}
	return nil
}

// decode refuses fields that are not known, and a second document.
func decode(text []byte, into any) error {
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(into); err != nil {
		return err
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return errors.New("there is more than one document")
	}
	return nil
}

// load reads and checks the groups of a registry, in the order of its files.
func load(folder string) ([]*group, error) {
	names, err := fs.Glob(os.DirFS(folder), "*.yaml")
	if err != nil {
		return nil, err
	}
	var groups []*group
	for _, name := range slices.Sorted(slices.Values(names)) {
		if name == "manifest.yaml" {
			continue // has no groups, and is for other tools
		}
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return nil, err
		}
		var f file
		if err := decode(text, &f); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		groups = append(groups, f.Groups...)
	}
	if err := check(groups); err != nil {
		return nil, err
	}
	return groups, nil
}
