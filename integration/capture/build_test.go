//go:build netstats_capture

package capture

func init() { captureBuild = true }
