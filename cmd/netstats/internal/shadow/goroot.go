package shadow

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Goroot returns a GOROOT, below dir, that has own as a folder of packages of
// the standard library, under the given name.
//
// Its go command is a file of its own, not a link: by where that is the go
// command knows its GOROOT. So no variable has to be set that programs would
// inherit.
func Goroot(dir, goroot, own, as string) (string, error) {
	goCommand := filepath.Join("bin", "go"+exe())
	state, err := stateOf(goroot, goCommand)
	if err != nil {
		return "", fmt.Errorf("the Go installation cannot be read: %w", err)
	}
	return Once(dir, filepath.Base(goroot), []string{goroot, state, own, as}, func(tmp string) error {
		for _, below := range []string{"bin", "src"} {
			if err := os.Mkdir(filepath.Join(tmp, below), 0o777); err != nil {
				return err
			}
		}
		return errors.Join(
			mirror(goroot, tmp, "bin", "src"),
			mirror(filepath.Join(goroot, "bin"), filepath.Join(tmp, "bin"), filepath.Base(goCommand)),
			mirror(filepath.Join(goroot, "src"), filepath.Join(tmp, "src"), as),
			sameFile(filepath.Join(goroot, goCommand), filepath.Join(tmp, goCommand)),
			os.Symlink(own, filepath.Join(tmp, "src", as)),
		)
	})
}

func exe() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

// stateOf tells a Go installation from what it was before an update in place.
func stateOf(goroot, goCommand string) (string, error) {
	info, err := os.Stat(filepath.Join(goroot, goCommand))
	if err != nil {
		return "", err
	}
	state := []string{fmt.Sprint(info.Size(), info.ModTime().UnixNano())}
	for _, dir := range []string{".", "bin", "src"} {
		entries, err := os.ReadDir(filepath.Join(goroot, dir))
		if err != nil {
			return "", err
		}
		for _, e := range entries {
			state = append(state, e.Name())
		}
	}
	return strings.Join(state, "\n"), nil
}

// sameFile makes a second name for a file, or else a copy of it. A link to a
// link is one to the file: the go command looks where it is.
func sameFile(from, to string) error {
	from, err := filepath.EvalSymlinks(from)
	if err != nil {
		return err
	}
	if os.Link(from, to) == nil {
		return nil
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, info.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
