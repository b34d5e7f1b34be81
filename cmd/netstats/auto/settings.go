package auto

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
)

// settings are what the environment says.
type settings struct {
	disabled bool
	export   bool   // something says where to
	exporter string // a variable that does, and does not say none
	summary  form
}

// A form is how the summary looks.
type form int

const (
	noSummary form = iota
	asTable
	asJSON
)

// forms are the values of NETSTATS_SUMMARY.
var forms = map[string]form{"table": asTable, "json": asJSON, "off": noSummary}

// settingsFromEnvironment reads them. A value that is none counts as not set,
// which the error says: the program is to run all the same.
func settingsFromEnvironment() (settings, error) {
	s := settings{disabled: strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true")}
	for _, variable := range slices.Sorted(slices.Values(os.Environ())) {
		name, value, _ := strings.Cut(variable, "=")
		if value == "" || !namesExporter(name) {
			continue
		}
		s.export = true
		if value != "none" {
			s.exporter = cmp.Or(s.exporter, name)
		}
	}
	if !s.export {
		s.summary = asTable
	}
	value := os.Getenv("NETSTATS_SUMMARY")
	f, ok := forms[value]
	switch {
	case value == "":
	case !ok:
		return s, fmt.Errorf("NETSTATS_SUMMARY=%s is not known: use table, json or off", value)
	default:
		s.summary = f
	}
	return s, nil
}

func namesExporter(variable string) bool {
	return strings.HasPrefix(variable, "OTEL_EXPORTER_") ||
		strings.HasPrefix(variable, "OTEL_") && strings.HasSuffix(variable, "_EXPORTER")
}
