package testnet

import (
	"io"
	"testing"
)

// Must ends the test if err is not nil.
func Must(t testing.TB, err error) {
	if err != nil {
		t.Helper()
		t.Fatal(err)
	}
}

// Send writes b to w, or ends the test.
func Send(t testing.TB, w io.Writer, b []byte) {
	if _, err := w.Write(b); err != nil {
		t.Helper()
		t.Fatal(err)
	}
}

// Receive fills b from r, or ends the test.
func Receive(t testing.TB, r io.Reader, b []byte) {
	if _, err := io.ReadFull(r, b); err != nil {
		t.Helper()
		t.Fatal(err)
	}
}
