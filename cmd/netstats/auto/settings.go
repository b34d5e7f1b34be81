package auto

import (
	"os"
	"strings"
)

// settings are what the environment says.
type settings struct {
	disabled bool
	export   bool // something says where to
	summary  form
}

// A form is how the summary looks.
type form int

const (
	noSummary form = iota
	asTable
	asJSON
)

func settingsFromEnvironment() settings {
	s := settings{disabled: strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true")}
	for _, variable := range os.Environ() {
		if name, value, _ := strings.Cut(variable, "="); value != "" && namesExporter(name) {
			s.export = true
		}
	}
	switch value := os.Getenv("NETSTATS_SUMMARY"); {
	case value == "json":
		s.summary = asJSON
	case value == "table", value != "off" && !s.export:
		s.summary = asTable
	}
	return s
}

func namesExporter(variable string) bool {
	return strings.HasPrefix(variable, "OTEL_EXPORTER_") ||
		strings.HasPrefix(variable, "OTEL_") && strings.HasSuffix(variable, "_EXPORTER")
}
