// Package live is what package otelnetstats and package connz share: what a Tracker
// tells while its connections are to be shown. It knows neither of them, so that the
// one need not export what only the other asks for.
package live
