package main

import (
	"os"
	"strings"
)

// The variants of what -auto links in are packages of autoModule; -exporters
// chooses one.
var variants = map[string]string{"none": "table", "otlp": "otlp", "all": "all"}

// variant is the package to be linked in. A program that is run at once needs what
// the environment asks for; one that is built gets what most will.
func (c *call) variant() string {
	if value, given := c.value("exporters"); given {
		return variants[value]
	}
	if c.command == "build" || c.command == "install" {
		return variants["otlp"]
	}
	return variants[asked(os.Environ())]
}

// asked returns what the OTEL_* variables need.
func asked(environment []string) string {
	asked := "none"
	for _, variable := range environment {
		name, value, _ := strings.Cut(variable, "=")
		exporter := strings.HasPrefix(name, "OTEL_") && strings.HasSuffix(name, "_EXPORTER")
		switch {
		case value == "" || value == "none":
		case strings.HasPrefix(name, "OTEL_EXPORTER_OTLP_") && strings.HasSuffix(name, "_PROTOCOL") && value == "grpc",
			exporter && value == "prometheus",
			name == "OTEL_METRICS_PRODUCERS":
			return "all"
		case exporter, strings.HasPrefix(name, "OTEL_EXPORTER_"):
			asked = "otlp"
		}
	}
	return asked
}
