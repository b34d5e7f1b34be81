package otelnetstats

import "testing"

func TestPackagePath(t *testing.T) {
	for function, want := range map[string]string{
		"main.main":                                     "main",
		"net.(*Dialer).DialContext":                     "net",
		"net/http.(*Transport).dialConn.func1":          "net/http",
		"example.com/a.b/c.f":                           "example.com/a.b/c",
		"gopkg.in/yaml%2ev3.(*T).f":                     "gopkg.in/yaml.v3",
		"example.com/a.F[...]":                          "example.com/a",
		"example.com/a.(*T[example.com/b/c.D]).f.func1": "example.com/a",
		"glob..func1":                                   "glob",
		"":                                              "",
	} {
		if got := packagePath(function); got != want {
			t.Errorf("%s: got %q, want %q", function, got, want)
		}
	}
}

func TestStandard(t *testing.T) {
	for path, want := range map[string]bool{
		"net":                        true,
		"net/http":                   true,
		"vendor/golang.org/x/net/x":  true,
		"golang.org/x/net/proxy":     false,
		"main":                       false,
		"command-line-arguments":     false,
		"github.com/netstats-go/any": false,
	} {
		if got := standard(path); got != want {
			t.Errorf("%s: got %t, want %t", path, got, want)
		}
	}
}
