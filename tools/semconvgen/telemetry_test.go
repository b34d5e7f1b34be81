package main

import (
	"slices"
	"strings"
	"testing"
)

func registered(t *testing.T) *telemetry {
	t.Helper()
	groups, err := load(repository + "/semconv/registry")
	if err != nil {
		t.Fatal(err)
	}
	all, err := resolve(groups)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A metric's attributes are its own and those of all that it extends.
func TestResolveExtends(t *testing.T) {
	all := registered(t)
	for name, want := range map[string][]string{
		"netstats.client.io":   {"network.transport", "server.address", "server.port", "netstats.dialer.name", "network.type", "network.io.direction"},
		"netstats.server.io":   {"network.transport", "server.address", "server.port", "network.type", "network.io.direction"},
		"netstats.dial.active": {"network.transport", "server.address", "server.port", "netstats.dialer.name"},
	} {
		i := slices.IndexFunc(all.Metrics, func(m metric) bool { return m.Name == name })
		if i < 0 {
			t.Errorf("no metric %s", name)
			continue
		}
		if m := all.Metrics[i]; !slices.Equal(m.Attributes, want) || !m.Own {
			t.Errorf("%s has %q, the user's own: %v; want %q and those", name, m.Attributes, m.Own, want)
		}
	}
}

func TestResolveRefusesTwoMeanings(t *testing.T) {
	groups, err := loadText(t, strings.Replace(small, "go: keyKind", "go: keyName", 1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := resolve(groups); err == nil || !strings.Contains(err.Error(), "keyName") {
		t.Errorf("got the error %v, want one with keyName", err)
	}
}

// What Prometheus makes of names, as seen in one that was sent OTLP and in one that
// scraped.
func TestPrometheus(t *testing.T) {
	for _, test := range []struct{ name, unit, instrument, want string }{
		{"netstats.client.io", "By", "counter", "netstats_client_io_bytes_total"},
		{"netstats.client.connection.count", "{connection}", "updowncounter", "netstats_client_connection_count"},
		{"netstats.client.connection.duration", "s", "histogram", "netstats_client_connection_duration_seconds"},
		{"netstats.client.packet.count", "{packet}", "counter", "netstats_client_packet_count_total"},
		{"netstats.dial.active", "{dial}", "updowncounter", "netstats_dial_active"},
	} {
		if got := prometheus(test.name, test.unit, test.instrument); got != test.want {
			t.Errorf("prometheus(%q, %q, %q) = %q, want %q", test.name, test.unit, test.instrument, got, test.want)
		}
	}
	want := []string{"a_seconds_bucket", "a_seconds_count", "a_seconds_sum"}
	if got := series("a_seconds", "histogram"); !slices.Equal(got, want) {
		t.Errorf("series of a histogram: %q, want %q", got, want)
	}
}

func TestUnitNames(t *testing.T) {
	for unit, want := range map[string]string{"By": "unitBytes", "s": "unitSeconds", "{connection}": "unitConnections"} {
		if got := unitName(unit); got != want {
			t.Errorf("unitName(%q) = %q, want %q", unit, got, want)
		}
	}
}

func TestNumbers(t *testing.T) {
	const want = "0 .0005 1.5 10 43200"
	if got := numbers([]float64{0, .0005, 1.5, 10, 43200}, " "); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFill(t *testing.T) {
	groups, err := loadText(t, small)
	if err != nil {
		t.Fatal(err)
	}
	all, err := resolve(groups)
	if err != nil {
		t.Fatal(err)
	}
	var page strings.Builder
	page.WriteString("By hand.\n")
	for name := range all.parts() {
		page.WriteString("\n<!-- generated: " + name + " -->\nOld.\n<!-- end of generated -->\n")
	}
	filled, err := all.fill(page.String())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"By hand.", "| `some.count` | observable up-down counter | `{thing}` | `some.name` | How many. |"} {
		if !strings.Contains(string(filled), want) {
			t.Errorf("no %q in:\n%s", want, filled)
		}
	}
	if strings.Contains(string(filled), "Old.") {
		t.Errorf("what was generated before is there still:\n%s", filled)
	}
	again, err := all.fill(string(filled))
	if err != nil || string(again) != string(filled) {
		t.Errorf("filling it again changes it: %v", err)
	}
	if _, err := all.fill("By hand.\n"); err == nil {
		t.Error("no error, though nothing has a place")
	}
	if _, err := all.fill(page.String() + "\n<!-- generated: more -->\n<!-- end of generated -->\n"); err == nil {
		t.Error("no error, though a part is not known")
	}
}
