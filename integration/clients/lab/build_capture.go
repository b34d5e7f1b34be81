//go:build netstats_capture

package lab

func init() { captureBuild = true }
