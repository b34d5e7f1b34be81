package auto

import (
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// A timing is how long a dial took.
type timing struct{ Total, DNS, Connect time.Duration }

func (t timing) plus(u timing) timing {
	return timing{t.Total + u.Total, t.DNS + u.DNS, t.Connect + u.Connect}
}

// timingOf reads it from a dial's span. Of several attempts to connect, the one
// that succeeded counts.
func timingOf(span sdktrace.ReadOnlySpan) timing {
	t := timing{Total: span.EndTime().Sub(span.StartTime())}
	for _, e := range span.Events() {
		var lasted time.Duration
		failed := false
		for _, kv := range e.Attributes {
			switch kv.Key {
			case attribute.Key("netstats.duration"):
				lasted = time.Duration(kv.Value.AsFloat64() * float64(time.Second))
			case attribute.Key("error.type"):
				failed = true
			}
		}
		switch {
		case e.Name == "netstats.dns":
			t.DNS += lasted
		case e.Name == "netstats.connect" && !failed:
			t.Connect = lasted
		}
	}
	return t
}
