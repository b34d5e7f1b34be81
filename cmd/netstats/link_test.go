package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// goroots returns two toolchains of one release, in two module caches. Each has
// a file with its own number.
func goroots(t *testing.T) [2]*goEnv {
	t.Helper()
	var envs [2]*goEnv
	for i, name := range []string{"0", "1"} {
		cache := filepath.Join(t.TempDir(), "mod")
		envs[i] = &goEnv{GOMODCACHE: cache, GOROOT: filepath.Join(cache, "golang.org", "toolchain@v0.0.1-go1.26.0")}
		if err := os.MkdirAll(envs[i].GOROOT, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(envs[i].GOROOT, "number"), []byte(name), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(envs[i].GOROOT, filepath.Join(cache, "try")); err != nil {
			t.Skip(err)
		}
	}
	return envs
}

// number is what the file at the end of a link says.
func number(link string) string {
	data, err := os.ReadFile(filepath.Join(link, "number"))
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// Users of one home folder with module caches of their own do not take the link
// from each other.
func TestLinksOfTwoModuleCachesConcurrentSafe(t *testing.T) {
	envs, cache := goroots(t), t.TempDir()
	var users sync.WaitGroup
	for user := range 8 {
		users.Go(func() {
			want := string(rune('0' + user%2))
			for range 200 {
				tc, err := toolchainFor(envs[user%2], cache)
				if err != nil {
					t.Error(err)
					return
				}
				if got := number(tc.goroot); got != want {
					t.Errorf("user %d got %s, want %s", user, got, want)
					return
				}
			}
		})
	}
	users.Wait()
	if names, err := os.ReadDir(filepath.Join(cache, "goroot")); err != nil || len(names) != 2 {
		t.Errorf("left: %v, %v", names, err)
	}
}

// A link that is made anew is there all the time.
func TestRenewedLinkIsNeverAway(t *testing.T) {
	target, dir := goroots(t)[1].GOROOT, t.TempDir()
	link, err := linkTo(target, dir)
	if err != nil {
		t.Fatal(err)
	}
	var makers sync.WaitGroup
	for range 4 {
		makers.Go(func() {
			for range 50 {
				if err := renew(link, target); err != nil {
					t.Error(err)
					return
				}
				if got := number(link); got != "1" {
					t.Errorf("got %s", got)
					return
				}
			}
		})
	}
	makers.Wait()
}

// One that leads elsewhere is put right, an old one is dated anew, and old ones
// of others are dropped.
func TestOldLinks(t *testing.T) {
	envs, dir := goroots(t), t.TempDir()
	link, err := linkTo(envs[0].GOROOT, dir)
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "other")
	if err := os.Symlink(envs[1].GOROOT, other); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{link, other} {
		if out, err := exec.Command("touch", "-h", "-t", "202001010000", name).CombinedOutput(); err != nil {
			t.Skipf("%v: %s", err, out)
		}
	}
	if again, err := linkTo(envs[0].GOROOT, dir); err != nil || again != link || number(link) != "0" {
		t.Errorf("got %s, %v, want %s", again, err, link)
	}
	if _, err := os.Lstat(other); err == nil {
		t.Error("an old link is still there")
	}
	if got := number(envs[1].GOROOT); got != "1" {
		t.Errorf("what it pointed at: %s", got)
	}
	if err := renew(link, envs[1].GOROOT); err != nil {
		t.Fatal(err)
	}
	if again, err := linkTo(envs[0].GOROOT, dir); err != nil || number(again) != "0" {
		t.Errorf("got %s, %v, which is of %s", again, err, number(again))
	}
}
