//go:build race

package otelnetstats_test

// raced: pools forget on purpose under the race detector.
const raced = true
