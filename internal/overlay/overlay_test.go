package overlay

import (
	"bytes"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// goroot is the Go installation that runs the tests.
func goroot(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Skip("no go command:", err)
	}
	return strings.TrimSpace(string(out))
}

// kinds are all there are, by name.
var kinds = map[string]Kind{"capture": Capture, "auto": Auto}

func mustMake(t *testing.T, source Source) *Overlay {
	t.Helper()
	return mustMakeKind(t, source, Auto) // which has all that others have
}

func mustMakeKind(t *testing.T, source Source, kind Kind) *Overlay {
	t.Helper()
	o, err := Make(source, kind, "v1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestMakeIsDeterministic(t *testing.T) {
	source := Source{Root: goroot(t)}
	a, b := mustMake(t, source), mustMake(t, source)
	if !reflect.DeepEqual(a, b) {
		t.Error("two overlays of one source differ")
	}
	if !strings.HasPrefix(a.Generator, a.Release+" netstats/v1.2.3 ") {
		t.Errorf("generator %q", a.Generator)
	}
}

// Lines keep their numbers: all declarations of an original are where they
// were, and what is added comes after them.
func TestLinesKeepTheirNumbers(t *testing.T) {
	o := mustMake(t, Source{Root: goroot(t)})
	if len(o.originals) == 0 {
		t.Fatal("nothing is edited")
	}
	for name, before := range o.originals {
		was, is := declarations(t, before), declarations(t, o.Files[name])
		for decl, line := range was {
			stock := path.Join(path.Dir(decl), stockPrefix+path.Base(decl))
			if is[decl] != line && is[stock] != line {
				t.Errorf("%s: %s was in line %d, is in line %d or %d", name, decl, line, is[decl], is[stock])
			}
		}
	}
}

// declarations has the lines of all functions, by receiver and name.
func declarations(t *testing.T, src []byte) map[string]int {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "", src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	lines := map[string]int{}
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			lines[receiver(f)+"/"+f.Name.Name] = fset.Position(f.Pos()).Line
		}
	}
	return lines
}

// A Go installation that is not as expected is refused, by name.
func TestRefusal(t *testing.T) {
	root := goroot(t)
	for _, test := range []struct{ name, file, before, after, want string }{
		{
			"a function is gone", "net/sock_posix.go", "func socket(", "func newSocket(",
			"package net has no func socket (for linux, android, darwin, ios, freebsd, openbsd, netbsd, dragonfly, solaris, illumos, aix, windows)",
		},
		{
			"a method is gone on one system", "internal/poll/fd_windows.go", ") ReadMsg(", ") ReceiveMsg(",
			"package internal/poll has no method (*FD).ReadMsg (for windows)",
		},
		{
			"the struct is another type", "internal/poll/fd_unix.go", "type FD struct {", "type FD = fd\ntype fd struct {",
			"package internal/poll has no type FD (for linux, ",
		},
		{
			"another signature", "net/fd_unix.go", "accept() (netfd *netFD, err error)", "accept(flags int) (netfd *netFD, err error)",
			"package net: method (*netFD).accept, in fd_unix.go, is func(int) (*netFD, error), where func() (*netFD, error) is expected",
		},
		{
			"no error among the results", "internal/poll/fd_unix.go", "WriteOnce(p []byte) (int, error) {", "WriteOnce(p []byte) (int, syscall.Errno) {",
			"package internal/poll: method (*FD).WriteOnce, in fd_unix.go, is func([]byte) (int, syscall.Errno), where a number of bytes and an error among the results are expected",
		},
		{
			"no finalizer", "net/fd_posix.go", "runtime.SetFinalizer(fd, (*netFD).Close)", "runtime.AddCleanup(fd, closeFD, fd.pfd.Sysfd)",
			"package net: method (*netFD).setAddr, in fd_posix.go, has no call runtime.SetFinalizer(fd, (*netFD).Close)",
		},
		{
			"no system call", "syscall/syscall_linux.go", "	runtime_exitsyscall()\n	return\n", "	return\n",
			"package syscall: func Syscall, in syscall_linux.go, does not end in runtime_exitsyscall() and a bare return",
		},
		{
			"counted twice", "internal/poll/fd_unix.go", "	return ignoringEINTRIO(syscall.Write, fd.Sysfd, p)\n", "	return fd.Write(p)\n",
			"package internal/poll: WriteOnce, in fd_unix.go, calls Write, so that bytes would be counted twice",
		},
		{
			"a directive", "internal/poll/splice_linux.go", "func spliceDrain(", "//\n//go:nosplit\nfunc spliceDrain(",
			"package internal/poll: func spliceDrain, in splice_linux.go, has the directive //go:nosplit, which is not expected",
		},
		{
			"no parts", "internal/poll/sendfile_unix.go", "written += int64(n)", "written = written + int64(n)",
			"package internal/poll: func sendFile, in sendfile_unix.go, has no statement written += int64(n)",
		},
		{
			"routes are found in another way", "net/addrselect.go", `DialUDP("udp", nil, &dst)`, `Dial("udp", dst.String())`,
			`package net: func srcAddrs, in addrselect.go, has no call DialUDP("udp", nil, &dst)`,
		},
		{
			"routes are found in two ways", "net/addrselect.go", "		if err == nil {", "		if err != nil {\n			c, err = dialUDP(context.Background(), nil, \"udp\", nil, &dst)\n		}\n		if err == nil {",
			`package net: func srcAddrs, in addrselect.go, has dialUDP besides the call DialUDP("udp", nil, &dst)`,
		},
		{
			"routes of something else", "net/addrselect.go", "func srcAddrs(addrs []IPAddr)", "func srcAddrs(addrs []netip.Addr)",
			"package net: func srcAddrs, in addrselect.go, is func([]netip.Addr) []netip.Addr, where func([]IPAddr) []netip.Addr is expected",
		},
		{
			"routes are found elsewhere", "net/addrselect.go", "func srcAddrs(", "func sourceAddrs(",
			"package net has no func srcAddrs (for linux, android, darwin, ios, freebsd, openbsd, netbsd, dragonfly, solaris, illumos, aix, windows, js, wasip1, plan9)",
		},
		{
			"a helper is gone", "net/rawconn.go", "func newRawConn(fd *netFD) *rawConn", "func newRawConn(fd *netFD, _ int) *rawConn",
			`package net has no "func newRawConn(fd *netFD) *rawConn"`,
		},
		{
			"panics end another way", "runtime/panic.go", "func preprintpanics(p *_panic) {", "func preprintpanics(p *_panic, n int) {",
			"package runtime: func preprintpanics, in panic.go, is func(*_panic, int), where func(*_panic) is expected",
		},
		{
			"panics end elsewhere", "runtime/panic.go", "func preprintpanics(", "func printAllPanics(",
			"package runtime has no func preprintpanics (for linux, ",
		},
		{
			"signals are handled another way", "os/signal/signal.go", "m map[chan<- os.Signal]*handler", "m map[chan<- os.Signal]handler",
			`package os/signal has no "\tm map[chan<- os.Signal]*handler\n"`,
		},
		{
			"a name that is taken", "internal/poll/sendfile_unix.go", "func sendFile(dstFD *FD, src int,", "func sendFile(dstFD *FD, netstats0 int,",
			"package internal/poll: func sendFile, in sendfile_unix.go, has a parameter netstats0, whose name netstats needs",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Make(changed(t, root, test.file, test.before, test.after), Auto, "v1.2.3")
			var refusal *Refusal
			if !errors.As(err, &refusal) {
				t.Fatalf("got error %v, want a refusal", err)
			}
			if !slices.ContainsFunc(refusal.Reasons, func(r string) bool { return strings.HasPrefix(r, test.want) }) {
				t.Errorf("got  %q\nwant %q", refusal.Reasons, test.want)
			}
			if !strings.Contains(err.Error(), refusal.Release) {
				t.Errorf("the release is not in %q", err)
			}
		})
	}
}

// Whatever is new in package poll, and may move bytes, is refused by name.
func TestUnknown(t *testing.T) {
	root := goroot(t)
	for _, test := range []struct{ name, code string }{
		{"ReadZeroCopy", "func (fd *FD) ReadZeroCopy(p []byte) (int, error) { return 0, nil }"},
		{"Sendv", "type count int64\nfunc (fd *FD) Sendv(v *[][]byte) (n count, err error) { return 0, nil }"},
		{"Sendv", "func (fd *FD) Sendv(v *[][]byte) (error, int) { return nil, 0 }"},
		{"Flush", "func (fd *FD) Flush() error { return nil }"},
		{"Poll", "func (fd *FD) Poll() {}"},
		{"Peek", "func (fd FD) Peek() {}"},
		{"ReadOnce", "func (*FD) ReadOnce(p []byte) (int, error) { return 0, nil }"},
		{"Bare", "func (fd *FD) Bare()\n"},
		{"pages", "type count uint\nfunc (fd *FD) pages() (count, error) { return 0, nil }"},
		{"pages", "func (fd *FD) pages() (err error, n int) { return nil, 0 }"},
		{"sendAll", "func sendAll(fd *FD, p []byte) error { return nil }"},
		{"SendText", "func SendText(fds []*FD, s string) bool { return false }"},
		{"SendPages", "func SendPages(src int, dst ...*FD) (handled bool, sent uint32) { return false, 0 }"},
		{"sendAt", "func sendAt(f func(*FD) error, at uintptr) {}"},
	} {
		_, err := Make(changed(t, root, "internal/poll/writev.go", "// Writev wraps", test.code+"\n\n// Writev wraps"), Capture, "v1.2.3")
		var refusal *Refusal
		want := []string{"package internal/poll: " + test.name + ", in writev.go, is not known to netstats; it may move bytes of a connection"}
		if !errors.As(err, &refusal) || !slices.Equal(refusal.Reasons, want) {
			t.Errorf("%s: got %v, want %q", test.code, err, want)
		}
	}
	// A file may be new, too.
	file := filepath.Join(t.TempDir(), "new.go")
	if err := os.WriteFile(file, []byte("package poll\n\nfunc (fd FD) Peek() {}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	replace := map[string]string{filepath.Join(root, "src", "internal", "poll", "new.go"): file}
	if _, err := Make(Source{Root: root, Replace: replace}, Capture, "v1.2.3"); err == nil || !strings.Contains(err.Error(), "Peek, in new.go, is not known") {
		t.Errorf("got error %v", err)
	}
	// Helpers come and go.
	mustMake(t, changed(t, root, "internal/poll/writev.go", "// Writev wraps", `
func (fd *FD) tryLock(read bool) (bool, error) { return false, nil }
func (fd *FD) pending(o *FD, mode int, ptr any) *FD { return nil }
func renew(fd *FD, n int64) error { return nil }
func Other(p []byte) (int, error) { return 0, nil }

// Writev wraps`))
}

// What is not counted, and known, is there: a name that is none would hide
// nothing today, but something of that name one day.
func TestKnownIsThere(t *testing.T) {
	lib := &library{Source{Root: goroot(t)}, map[string]map[string][]byte{}}
	_, contents, err := lib.having(pollPkg)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{"Fstatat": true} // not there yet in Go 1.26.0
	for name, text := range contents {
		p, err := newPatch(name, text, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range p.file.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && p.compiledFor(posix) && p.function(d).moves() {
				found[d.Name.Name] = true
			}
		}
	}
	for _, name := range uncounted {
		if !found[name] {
			t.Errorf("package poll has no %s that may move bytes", name)
		}
	}
}

// changed is a source in which one text of a file is another.
func changed(t *testing.T, root, file, before, after string) Source {
	t.Helper()
	name := filepath.Join(root, "src", filepath.FromSlash(file))
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(data, []byte(before)) {
		t.Fatalf("%s has no %q", file, before)
	}
	replacement := filepath.Join(t.TempDir(), "changed.go")
	if err := os.WriteFile(replacement, bytes.Replace(data, []byte(before), []byte(after), 1), 0o666); err != nil {
		t.Fatal(err)
	}
	return Source{Root: root, Replace: map[string]string{name: replacement}}
}

// A changed body flows through, and makes another overlay.
func TestSourcesAreReadEachTime(t *testing.T) {
	root := goroot(t)
	a := mustMake(t, Source{Root: root})
	b := mustMake(t, changed(t, root, "net/fd_posix.go", "	return fd.pfd.Close()", "	println(\"changed\")\n	return fd.pfd.Close()"))
	if !bytes.Contains(b.Files["net/fd_posix.go"], []byte("println(\"changed\")")) {
		t.Error("the change is not in the overlay")
	}
	if a.Generator == b.Generator || a.folder() == b.folder() {
		t.Errorf("two overlays are both called %q", a.Generator)
	}
}

func TestPreparedTwice(t *testing.T) {
	root := goroot(t)
	o := mustMake(t, Source{Root: root})
	replace := map[string]string{}
	for name := range o.Files {
		replace[o.target(name)] = "somewhere"
	}
	_, err := Make(Source{Root: root, Replace: replace}, Capture, "")
	if err == nil || !strings.Contains(err.Error(), "was prepared by netstats before") {
		t.Errorf("got error %v", err)
	}
}

func TestMissingSources(t *testing.T) {
	for _, root := range []string{t.TempDir(), filepath.Join(t.TempDir(), "none")} {
		if _, err := Make(Source{Root: root}, Capture, ""); err == nil || !strings.Contains(err.Error(), "zbootstrap.go") {
			t.Errorf("got error %v", err)
		}
	}
}

func TestStore(t *testing.T) {
	dir := t.TempDir()
	own := filepath.Join(dir, "own.go")
	source := Source{Root: goroot(t), Replace: map[string]string{filepath.Join(dir, "main.go"): own}}
	o := mustMake(t, source)
	file, err := o.Store(dir, map[string]string{"/a/b.go": "/c/d.go"})
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	again, err := o.Store(dir, map[string]string{"/a/b.go": "/c/d.go"})
	if err != nil || again != file {
		t.Errorf("a second Store returned %s, %v, want %s", again, err, file)
	}
	if now, err := os.Stat(file); err != nil || !os.SameFile(info, now) {
		t.Error("a second Store wrote the file again")
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"own.go", "/c/d.go", "zbootstrap.go", "fd_posix.go"} {
		if !bytes.Contains(data, []byte(want)) {
			t.Errorf("%s is not in\n%s", want, data)
		}
	}
	other, err := o.Store(dir, nil)
	if err != nil || other == file {
		t.Errorf("a Store of something else returned %s, %v", other, err)
	}
}

// A file that somebody changed in the cache is written anew.
func TestStoreRepairs(t *testing.T) {
	dir := t.TempDir()
	o := mustMake(t, Source{Root: goroot(t)})
	file, err := o.Store(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(filepath.Dir(file), "net", "zz_netstats.go")
	if err := os.WriteFile(name, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Store(dir, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, o.Files["net/zz_netstats.go"]) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestTrim(t *testing.T) {
	dir := t.TempDir()
	if err := Trim(filepath.Join(dir, "none")); err != nil {
		t.Error(err)
	}
	long := time.Now().Add(-2 * unusedFor)
	for _, name := range []string{"old", "new"} {
		if err := os.MkdirAll(filepath.Join(dir, name, "sub"), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(filepath.Join(dir, "old"), long, long); err != nil {
		t.Fatal(err)
	}
	if err := Trim(dir); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) != 1 || filepath.Base(left[0]) != "new" {
		t.Errorf("left: %v, %v", left, err)
	}
}

// What -auto needs is in its overlays alone, which have other hashes, and a
// capture build is made from a library in which only that is another.
func TestKinds(t *testing.T) {
	source := Source{Root: goroot(t)}
	capture, auto := mustMakeKind(t, source, Capture), mustMakeKind(t, source, Auto)
	if capture.Generator == auto.Generator {
		t.Errorf("two kinds are both called %q", auto.Generator)
	}
	for name := range auto.Files {
		pkg := path.Dir(name)
		if _, ok := capture.Files[name]; ok != slices.Contains(Packages(Capture), pkg) {
			t.Errorf("%s is in a capture build: %t", name, ok)
		}
		if !slices.Contains(Packages(Auto), pkg) {
			t.Errorf("%s is of no package that is said to be edited", name)
		}
	}
	broken := changed(t, source.Root, "runtime/panic.go", "func preprintpanics(", "func printAllPanics(")
	if got := mustMakeKind(t, broken, Capture); got.Generator != capture.Generator {
		t.Errorf("a capture build depends on package runtime: %q and %q", got.Generator, capture.Generator)
	}
}

// All that is edited or added is given a reason.
func TestPoints(t *testing.T) {
	o := mustMake(t, Source{Root: goroot(t)})
	edited, added := map[string]bool{}, map[string]bool{}
	for _, p := range o.Points {
		if p.Why == "" {
			t.Errorf("%s has no reason", p)
		}
		if p.Declaration == "" {
			added[p.File] = true
		} else {
			edited[p.File] = true
		}
	}
	for name := range o.Files {
		if _, original := o.originals[name]; edited[name] != original || added[name] == original {
			t.Errorf("%s is edited: %t and added: %t, by the points", name, edited[name], added[name])
		}
	}
}

// The diff, applied to the sources, makes the overlay of them.
func TestDiffApplies(t *testing.T) {
	if _, err := exec.LookPath("patch"); err != nil {
		t.Skip(err)
	}
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) { testDiffApplies(t, mustMakeKind(t, Source{Root: goroot(t)}, kind)) })
	}
}

func testDiffApplies(t *testing.T, o *Overlay) {
	dir := t.TempDir()
	for name, data := range o.originals {
		if err := WriteFile(filepath.Join(dir, "src", filepath.FromSlash(name)), data); err != nil {
			t.Fatal(err)
		}
	}
	var diff bytes.Buffer
	if err := o.Diff(&diff); err != nil {
		t.Fatal(err)
	}
	for _, p := range o.Points {
		if !strings.Contains(diff.String(), p.Why+".\n") {
			t.Errorf("the diff does not say that %s", p.Why)
		}
	}
	cmd := exec.Command("patch", "-p1", "-s")
	cmd.Dir, cmd.Stdin = dir, &diff
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, want := range o.Files {
		if got, err := os.ReadFile(filepath.Join(dir, "src", filepath.FromSlash(name))); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s differs from the overlay: %v", name, err)
		}
	}
}
