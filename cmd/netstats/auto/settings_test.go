package auto

import "testing"

func TestSettings(t *testing.T) {
	for _, test := range []struct {
		env  map[string]string
		want settings
	}{
		{nil, settings{summary: asTable}},
		{map[string]string{"NETSTATS_SUMMARY": "off"}, settings{}},
		{map[string]string{"NETSTATS_SUMMARY": "json"}, settings{summary: asJSON}},
		{map[string]string{"OTEL_SERVICE_NAME": "x"}, settings{summary: asTable}},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, settings{export: true, exporter: "OTEL_EXPORTER_OTLP_ENDPOINT"}},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, settings{summary: asTable}},
		{map[string]string{"OTEL_TRACES_EXPORTER": "none", "NETSTATS_SUMMARY": "table"}, settings{export: true, summary: asTable}},
		{map[string]string{"OTEL_SDK_DISABLED": "TRUE"}, settings{disabled: true, summary: asTable}},
	} {
		for _, name := range []string{"NETSTATS_SUMMARY", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_SDK_DISABLED"} {
			t.Setenv(name, test.env[name])
		}
		if got, err := settingsFromEnvironment(); got != test.want || err != nil {
			t.Errorf("%v: got %+v, %v, want %+v", test.env, got, err, test.want)
		}
	}
}

// What is no form is said, and changes nothing.
func TestUnknownForm(t *testing.T) {
	for value, want := range map[string]string{
		"bogus":       "netstats: NETSTATS_SUMMARY=bogus is not known: use table, json or off\n",
		"JSON":        "netstats: NETSTATS_SUMMARY=JSON is not known: use table, json or off\n",
		"a\n\x1b[2Jb": `netstats: NETSTATS_SUMMARY=a\n\x1b[2Jb is not known: use table, json or off` + "\n",
	} {
		for _, endpoint := range []string{"", "http://x"} {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
			t.Setenv("NETSTATS_SUMMARY", "")
			unset, err := settingsFromEnvironment()
			if err != nil {
				t.Fatal(err)
			}
			t.Setenv("NETSTATS_SUMMARY", value)
			got, err := settingsFromEnvironment()
			if err == nil || complaint(err) != want || got != unset {
				t.Errorf("%q: got %+v, %v, want %+v, %s", value, got, err, unset, want)
			}
		}
	}
}
