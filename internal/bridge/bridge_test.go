package bridge_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/netstats-go/netstats/internal/bridge"
)

// What capture builds do is tested in cmd/netstats/internal/verify.
func TestOrdinaryBuild(t *testing.T) {
	if bridge.Check() == nil {
		t.Skip("this is a capture build")
	}
	if err := bridge.Check(); !errors.Is(err, bridge.ErrStock) {
		t.Errorf("Check returned %v", err)
	}
	if err := bridge.Install(&bridge.Hooks{}); !errors.Is(err, bridge.ErrStock) {
		t.Errorf("Install returned %v", err)
	}
	if got := bridge.Generator(); got != "" {
		t.Errorf("generator %q", got)
	}
	a, _ := net.Pipe()
	if bridge.RecordOf(a) != nil || bridge.RecordOf(nil) != nil {
		t.Error("a connection has a record")
	}
	bridge.Remove(&bridge.Hooks{})
	bridge.AtExit(func() { t.Error("called") })
}

func TestABIIsTheSameEachTime(t *testing.T) {
	if a, b := bridge.ABI(), bridge.ABI(); a != b || a == 0 {
		t.Errorf("%#x and %#x", a, b)
	}
}

func TestFindMarker(t *testing.T) {
	marker := bridge.Marker("go1.26.8 netstats/v1.2.3 0123456789abcdef")
	const name = "go1.26.8 netstats/v1.2.3 0123456789abcdef"
	open, _, _ := strings.Cut(marker, "{")
	for _, test := range []struct{ before, marker, want string }{
		{"", marker, name},
		{strings.Repeat("x", 1<<20-10), marker, name}, // across two reads
		{strings.Repeat("x", 3<<20), marker, name},
		{open, "", ""},
		{"", strings.TrimSuffix(marker, "}"), ""},
		{"", "", ""},
	} {
		data := test.before + test.marker + strings.Repeat("y", 5000)
		for _, r := range []io.Reader{strings.NewReader(data), iotest.HalfReader(strings.NewReader(data))} {
			if got, err := bridge.FindMarker(r); got != test.want || err != nil {
				t.Errorf("%d bytes before %q: got %q, %v, want %q", len(test.before), test.marker, got, err, test.want)
			}
		}
	}
	if _, err := bridge.FindMarker(iotest.ErrReader(io.ErrNoProgress)); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("got error %v", err)
	}
}

// A program that can look for markers does not contain one.
func TestThisProgramHasNoMarker(t *testing.T) {
	if bridge.Check() == nil {
		t.Skip("this is a capture build")
	}
	data, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if got, err := bridge.FindMarker(bytes.NewReader(data)); got != "" || err != nil {
		t.Errorf("found %q, %v", got, err)
	}
}
