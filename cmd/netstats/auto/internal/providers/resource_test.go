package providers

import (
	"regexp"
	"testing"

	"go.opentelemetry.io/otel/sdk/resource"
)

// Two copies of a program are told apart, unless the user has names for them.
func TestServiceInstance(t *testing.T) {
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "")
	one, two := value(t, "service.instance.id"), value(t, "service.instance.id")
	if uuid := regexp.MustCompile(`^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$`); !uuid.MatchString(one) || one == two {
		t.Errorf("got %s and %s", one, two)
	}
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=mine")
	if got := value(t, "service.instance.id"); got != "mine" {
		t.Errorf("got %s, want mine", got)
	}
}

func TestDistro(t *testing.T) {
	if got := value(t, "telemetry.distro.name"); got != "netstats" {
		t.Errorf("got %s", got)
	}
	for generator, want := range map[string]string{
		"go1.26.8 netstats/v0.1.0 0123456789abcdef": "v0.1.0",
		"": "",
	} {
		if got := version(generator); got != want {
			t.Errorf("%q: got %q, want %q", generator, got, want)
		}
	}
}

func value(t *testing.T, key string) string {
	t.Helper()
	res, err := newResource(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return valueIn(res, key)
}

func valueIn(res *resource.Resource, key string) string {
	for _, kv := range res.Attributes() {
		if string(kv.Key) == key {
			return kv.Value.AsString()
		}
	}
	return ""
}

func TestServiceName(t *testing.T) {
	for module, want := range map[string]string{
		"example.com/shop":         "shop",
		"example.com/shop/v2":      "shop",
		"gopkg.in/shop.v3":         "shop",
		"shop":                     "shop",
		"github.com/a/kubernetes1": "kubernetes1",
	} {
		if got := serviceName(module); got != want {
			t.Errorf("%s: got %q, want %q", module, got, want)
		}
	}
}
