package lab

import "testing"

func TestDiffers(t *testing.T) {
	for _, test := range []struct {
		spec string
		seen map[string]int
		want bool
	}{
		{"", nil, false},
		{"", map[string]int{"local": 1}, true},
		{"local", map[string]int{"local": 3}, false},
		{"local", nil, true},
		{"local, remote?", map[string]int{"local": 1}, false},
		{"local, remote?", map[string]int{"local": 1, "remote": 2}, false},
		{"local, remote?", map[string]int{"remote": 2}, true},
		{"local, remote", map[string]int{"local": 1, "remote": 1, "reset": 1}, true},
	} {
		if got := differs(test.spec, test.seen); (got != "") != test.want {
			t.Errorf("differs(%q, %v) is %q", test.spec, test.seen, got)
		}
	}
}
