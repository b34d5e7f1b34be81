package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// A toolchain is the go command to run.
type toolchain struct {
	goroot string
	binary string
	env    map[string]string // to add to the environment
	linked bool
}

// toolchainFor returns the one that the go command chose for the directory.
//
// One that the go command downloaded lies in the module cache, whose files it
// does not let an overlay replace (go.dev/issue/78644). It goes by the path, so
// the toolchain is given another one, by a link in our own cache. Builds are
// the same, and cached together.
func toolchainFor(env *goEnv, cache string) (*toolchain, error) {
	if !within(env.GOMODCACHE, env.GOROOT) {
		return &toolchain{goroot: env.GOROOT, binary: goBinary(env.GOROOT)}, nil
	}
	link, err := linkTo(env.GOROOT, filepath.Join(cache, "goroot"))
	if err != nil {
		return nil, fmt.Errorf("%s was downloaded into the module cache, where overlays are not allowed (go.dev/issue/78644), and a link to it from elsewhere cannot be made: %w; install that Go release in a place of its own and set GOTOOLCHAIN=local", env.GOVERSION, err)
	}
	return &toolchain{
		goroot: link,
		binary: goBinary(link),
		env:    map[string]string{"GOROOT": link, "GOTOOLCHAIN": "local"},
		linked: true,
	}, nil
}

func goBinary(goroot string) string {
	return filepath.Join(goroot, "bin", "go"+exeSuffix(runtime.GOOS))
}

// within reports whether path lies in dir.
func within(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return dir != "" && err == nil && filepath.IsLocal(rel)
}

// cacheDir is where overlays are kept.
func cacheDir(env *goEnv) string {
	if dir, err := os.UserCacheDir(); err == nil {
		return filepath.Join(dir, "netstats")
	}
	return filepath.Join(env.GOCACHE, "netstats") // no HOME, as in containers
}
