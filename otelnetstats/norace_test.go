//go:build !race

package otelnetstats_test

const raced = false
