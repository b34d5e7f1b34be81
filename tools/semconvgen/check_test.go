package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// small is a registry in which all is well.
const small = `
groups:
  - id: registry.some
    type: attribute_group
    brief: Some attributes.
    attributes:
      - id: some.name
        type: string
        stability: development
        brief: A name.
        examples: [a, b]
        annotations: {netstats: {go: keyName}}
      - id: some.kind
        type:
          members:
            - {id: one, value: one, stability: development, brief: One}
        stability: development
        brief: A kind.
        annotations: {netstats: {go: keyKind, values: Kind}}
  - id: metric.some.count
    type: metric
    metric_name: some.count
    stability: development
    brief: How many.
    instrument: updowncounter
    unit: "{thing}"
    annotations: {netstats: {go: metricCount, description: descriptionCount, observable: true}}
    attributes:
      - ref: some.name
        requirement_level: {conditionally_required: where there is one}
  - id: event.some.thing
    type: event
    name: some.thing
    stability: development
    brief: It happened.
    annotations: {netstats: {go: eventThing}}
    attributes:
      - ref: some.kind
  - id: span.some.work
    type: span
    span_kind: internal
    stability: development
    brief: Work.
    events: [event.some.thing]
    annotations: {netstats: {name: "work {some.name}"}}
    attributes:
      - {ref: some.name, sampling_relevant: true}
`

// loadText loads a registry of one file.
func loadText(t *testing.T, text string) ([]*group, error) {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "some.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return load(folder)
}

func TestLoad(t *testing.T) {
	groups, err := loadText(t, small)
	if err != nil {
		t.Fatal(err)
	}
	if len(groups) != 4 {
		t.Errorf("%d groups, want 4", len(groups))
	}
}

// TestLoadRefuses what is wrong by one change of what is right.
func TestLoadRefuses(t *testing.T) {
	for name, test := range map[string]struct{ old, new, want string }{
		"unknown field of a group":         {"    unit:", "    united: 1\n    unit:", "field united not found"},
		"unknown field of an attribute":    {"brief: A name.", "briefly: A name.", "field briefly not found"},
		"unknown field of an enumeration":  {"          members:", "          custom: true\n          members:", "field custom not found"},
		"unknown field of a member":        {"{id: one,", "{id: one, key: 1,", "field key not found"},
		"unknown annotation":               {"observable: true", "observed: true", "field observed not found"},
		"annotation of others":             {"{netstats: {go: keyName}}", "{others: {go: keyName}}", "field others not found"},
		"a second document":                {"  - id: event.some", "---\n  - id: event.some", "more than one document"},
		"no stability":                     {"stability: development\n        brief: A name.", "brief: A name.", `stability ""`},
		"no brief":                         {"        brief: A name.\n", "", "no brief"},
		"no examples":                      {"        examples: [a, b]\n", "", "examples"},
		"examples of another type":         {"[a, b]", "[a, 1]", "examples"},
		"an identifier that is none":       {"go: keyName", "go: key-name", `identifier "key-name"`},
		"no identifier":                    {"go: metricCount, ", "", `identifier ""`},
		"two definitions":                  {"id: some.kind", "id: some.name", "two definitions of some.name"},
		"two groups":                       {"id: event.some.thing", "id: metric.some.count", "two groups metric.some.count"},
		"a reference to nothing":           {"ref: some.kind", "ref: some.sort", "some.sort: is not defined"},
		"nothing refers to it":             {"      - ref: some.kind", "      - ref: some.name", "nothing refers to some.kind"},
		"a reference that defines":         {"- ref: some.kind", "- ref: some.kind\n        stability: stable", "definition of its own"},
		"an attribute in a signal":         {"      - ref: some.kind", "      - id: some.kin", "group of attributes"},
		"twice":                            {"      - ref: some.kind", "      - ref: some.kind\n      - ref: some.kind", "there twice"},
		"an instrument that there is not":  {"updowncounter", "upDownCounter", "instrument"},
		"a unit that there is not":         {`"{thing}"`, "things", "unit"},
		"a condition that is missing":      {"{conditionally_required: where there is one}", "conditionally_required", "requirement_level"},
		"two levels":                       {"{conditionally_required: where", "{opt_in: yes, conditionally_required: where", "one word and its condition"},
		"a histogram without buckets":      {"instrument: updowncounter", "instrument: histogram", "a histogram has buckets"},
		"no kind of span":                  {"    span_kind: internal\n", "", "span_kind"},
		"an event that there is not":       {"events: [event.some.thing]", "events: [event.some.other]", "which there is not"},
		"the fields of another type":       {"    name: some.thing", "    name: some.thing\n    unit: s", "fields of a metric"},
		"it extends nothing":               {"    name: some.thing", "    name: some.thing\n    extends: nothing", "extends nothing"},
		"it extends itself":                {"    name: some.thing", "    name: some.thing\n    extends: event.some.thing", "extends itself"},
		"a group of no type":               {"type: event", "type: happening", "type"},
		"an id that does not fit the name": {"metric_name: some.count", "metric_name: other.count", "metric_name"},
		"it is set at a time of no span":   {"- ref: some.kind", "- {ref: some.kind, annotations: {netstats: {set: early}}}", "set"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(small, test.old, test.new, 1)
			if text == small {
				t.Fatalf("there is no %q", test.old)
			}
			_, err := loadText(t, text)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got the error %v, want one with %q", err, test.want)
			}
		})
	}
}
