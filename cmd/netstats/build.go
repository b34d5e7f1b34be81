package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/netstats-go/netstats/internal/overlay"
)

// buildTag is set in capture builds, so that go version -m shows what they are.
const buildTag = "netstats_capture"

// A preparation is all that a capture build needs.
type preparation struct {
	call      *call
	env       *goEnv
	flags     []flag // of GOFLAGS and the call
	cache     string
	toolchain *toolchain
	overlay   *overlay.Overlay
	kept      bool // GOFLAGS or the call has a netstats overlay
}

// prepare makes the overlay for a call.
func prepare(c *call) (*preparation, error) {
	env, err := askGo(c.dir)
	if err != nil {
		return nil, err
	}
	p := &preparation{call: c, env: env, cache: cacheDir(env)}
	p.flags = slices.Concat(parseGOFLAGS(env.GOFLAGS), c.flags)
	if p.toolchain, err = toolchainFor(env, p.cache); err != nil {
		return nil, err
	}
	source := overlay.Source{Root: p.toolchain.goroot}
	if source.Replace, err = p.userOverlay(); err != nil {
		return nil, err
	}
	p.overlay, err = overlay.Make(source, p.kind(), libraryVersion())
	return p, err
}

// kind is that of the overlay.
func (p *preparation) kind() overlay.Kind {
	if p.call.auto() {
		return overlay.Auto
	}
	return overlay.Capture
}

// userOverlay is the one in effect: an argument outdoes GOFLAGS.
func (p *preparation) userOverlay() (map[string]string, error) {
	file, ok := lastValue(p.flags, "overlay")
	if !ok || file == "" {
		return nil, nil
	}
	dir, err := filepath.Abs(p.call.dir)
	if err != nil {
		return nil, err
	}
	var replace map[string]string
	replace, p.kept, err = readOverlay(file, dir, p.cache)
	return replace, err
}

// store writes the overlay, and drops old ones.
func (p *preparation) store() (string, error) {
	files, err := p.auto()
	if err != nil {
		return "", err
	}
	extra, err := p.stored(files)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(p.cache, "overlay")
	file, err := p.overlay.Store(dir, extra)
	if err != nil {
		return "", fmt.Errorf("the overlay cannot be stored: %w", err)
	}
	_ = overlay.Trim(dir) // the next run tries again
	return file, nil
}

// obstacle says why the flags cannot work, "" if they can.
func (p *preparation) obstacle() string {
	if compiler, _ := lastValue(p.flags, "compiler"); compiler == "gccgo" {
		return "-compiler=gccgo has a standard library of its own, which netstats does not know: use gc"
	}
	patterns, _ := lastValue(p.flags, "coverpkg")
	for pattern := range strings.SplitSeq(patterns, ",") {
		if pkg := covered(pattern, p.kind()); pkg != "" {
			return fmt.Sprintf("-coverpkg=%s includes package %s, which netstats edits, but the cover tool reads the original (go.dev/issue/73802): name your own packages, as in -coverpkg=./...", pattern, pkg)
		}
	}
	return ""
}

// covered returns one of the edited packages that a -coverpkg pattern includes.
func covered(pattern string, kind overlay.Kind) string {
	if pattern == "all" || pattern == "std" {
		pattern = "..."
	}
	expr := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\.\.\.`, ".*")
	if prefix, ok := strings.CutSuffix(expr, "/.*"); ok {
		expr = prefix + "(/.*)?"
	}
	match := regexp.MustCompile("^" + expr + "$")
	for _, pkg := range overlay.Packages(kind) {
		if match.MatchString(pkg) {
			return pkg
		}
	}
	return ""
}

// tags are the user's build tags and our own.
func (p *preparation) tags() string {
	value, _ := lastValue(p.flags, "tags")
	tags := strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
	if !slices.Contains(tags, buildTag) {
		tags = append(tags, buildTag)
	}
	return strings.Join(tags, ",")
}

// goCommand runs a command of the go command with the overlay.
func goCommand(command string, args []string) error {
	c, err := parse(command, args)
	if err != nil {
		return err
	}
	if err := c.misuse(); err != nil {
		return err
	}
	p, err := prepare(c)
	if err != nil {
		return err
	}
	if why := p.obstacle(); why != "" {
		return fmt.Errorf("%s", why)
	}
	file, err := p.store()
	if err != nil {
		return err
	}
	for name, value := range p.toolchain.env {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	words := c.words([]string{"-overlay=" + file, "-tags=" + p.tags()}, "overlay", "tags", "auto")
	return execute(p.toolchain.binary, words)
}
