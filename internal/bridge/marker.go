package bridge

import (
	"errors"
	"io"
	"strings"
)

// The marker is the form of the generator variable. It makes a capture build
// known from outside, so it must be findable in a binary, and absent from one
// that merely contains this package: hence two parts.
const (
	markerOpen1 = "netstats-capture"
	markerOpen2 = "-build{"
	markerClose = "}"
	markerMax   = 256 // bytes, the braces included
)

func markerOpen() string { return strings.Join([]string{markerOpen1, markerOpen2}, "") }

// Marker is the value of the generator variable for the given name.
func Marker(name string) string { return markerOpen() + name + markerClose }

// FindMarker looks for a marker in a binary and returns the name in it, or ""
// if there is none.
func FindMarker(binary io.Reader) (string, error) {
	buf := make([]byte, 1<<20)
	kept := 0 // what a marker may begin in
	for {
		n, err := io.ReadFull(binary, buf[kept:])
		data := buf[:kept+n]
		if name, ok := cutMarker(string(data)); ok {
			return name, nil
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		kept = copy(buf, data[max(0, len(data)-markerMax):])
	}
}

// cutMarker returns the name in the first whole marker of data.
func cutMarker(data string) (name string, ok bool) {
	_, rest, found := strings.Cut(data, markerOpen())
	if !found {
		return "", false
	}
	name, _, ok = strings.Cut(rest[:min(len(rest), markerMax)], markerClose)
	return name, ok
}
