package providers

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/netstats-go/netstats/internal/bridge"
)

// newResource tells of program, process and host, and who says so. What the
// environment says comes last, and counts. Arguments and owner of the process are left out: the
// first may have secrets, the second may be looked up in the network.
func newResource(ctx context.Context) (*resource.Resource, error) {
	return resource.New(ctx,
		resource.WithService(), // an id: two copies of a program are two sources
		resource.WithTelemetrySDK(),
		resource.WithAttributes(distro()...),
		resource.WithHost(),
		resource.WithOS(),
		resource.WithProcessPID(),
		resource.WithProcessExecutableName(),
		resource.WithProcessExecutablePath(),
		resource.WithProcessRuntimeName(),
		resource.WithProcessRuntimeVersion(),
		resource.WithProcessRuntimeDescription(),
		resource.WithAttributes(program()...),
		resource.WithFromEnv(),
	)
}

// distro is what telemetry.distro is for: who put the SDK into the program.
func distro() []attribute.KeyValue {
	attrs := []attribute.KeyValue{attribute.String("telemetry.distro.name", "netstats")}
	if v := version(bridge.Generator()); v != "" {
		attrs = append(attrs, attribute.String("telemetry.distro.version", v))
	}
	return attrs
}

// version is that of netstats in a generator's name, such as
// "go1.26.8 netstats/v0.1.0 0123456789abcdef".
func version(generator string) string {
	_, after, _ := strings.Cut(generator, " netstats/")
	version, _, _ := strings.Cut(after, " ")
	return version
}

// program is what the build tells.
func program() []attribute.KeyValue {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = new(debug.BuildInfo)
	}
	attrs := []attribute.KeyValue{attribute.String("service.name", serviceName(info.Main.Path))}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		attrs = append(attrs, attribute.String("service.version", v))
	}
	return attrs
}

var majorVersion = regexp.MustCompile(`[./]v\d+$`)

// serviceName is the last element of the module's path, without a version.
func serviceName(module string) string {
	name := majorVersion.ReplaceAllString(module, "")
	name = name[strings.LastIndexByte(name, '/')+1:]
	if name == "" || name == "command-line-arguments" {
		return strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	}
	return name
}
