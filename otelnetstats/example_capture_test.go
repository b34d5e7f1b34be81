package otelnetstats_test

import (
	"errors"
	"fmt"
	"log"
	"net/http"

	"github.com/netstats-go/netstats/otelnetstats"
)

func captureAll(tracker *otelnetstats.Tracker) {
	capture, err := tracker.Capture()
	if err != nil {
		log.Fatal(err) // in an ordinary build: ErrNotCaptureBuild, and the error says what to do
	}
	defer capture.Release()

	_, _ = http.Get("https://go.dev/") // counted, although nothing was told of the Tracker
	for _, c := range capture.Release() {
		fmt.Println(c.Address(), c.CloseReason(), c.Stats().Received.Bytes)
	}
	if n := capture.Dropped(); n > 0 {
		fmt.Println(n, "more were closed before")
	}
}

// In a program built by the go command alone, Capture says so.
func ExampleTracker_Capture() {
	tracker, err := otelnetstats.New(otelnetstats.WithAccepted())
	if err != nil {
		log.Fatal(err)
	}
	switch _, err := tracker.Capture(); {
	case errors.Is(err, otelnetstats.ErrNotCaptureBuild):
		fmt.Println("an ordinary build")
	case errors.Is(err, otelnetstats.ErrCaptureMismatch):
		fmt.Println("built by a netstats command of another version")
	case errors.Is(err, otelnetstats.ErrCapturing):
		fmt.Println("captured already")
	default:
		captureAll(tracker)
	}
	// Output: an ordinary build
}
