// Package providers makes the providers of OpenTelemetry's SDK, for those
// variants of -auto that have exporters.
package providers
