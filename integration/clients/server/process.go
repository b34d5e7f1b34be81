package server

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/netstats-go/netstats/otelnetstats"
)

// patience is how long a server may take to start, and goodbye how long to end
// when it is told to.
const (
	patience = 3 * time.Minute
	goodbye  = 10 * time.Second
)

// A process is a server that runs.
type process struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed when it has ended
}

// start starts a server, waits until it answers, and has it stopped when the test
// ends. It ends with this process at the latest.
func start(t testing.TB, cmd *exec.Cmd, answers func() error) {
	t.Helper()
	p := &process{cmd: cmd, log: filepath.Join(folder(t, ""), "log"), done: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	cmd.SysProcAttr.Setpgid = true // what is typed at the terminal is not for it
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait() // it is stopped by a signal
		close(p.done)
	}()
	t.Cleanup(p.stop)
	p.await(t, answers)
}

func (p *process) await(t testing.TB, answers func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		select {
		case <-p.done:
			t.Fatalf("%s has ended:\n%s", p.cmd.Path, p.tail())
		default:
		}
		if err = answers(); err == nil {
			return
		}
	}
	t.Fatalf("%s does not answer: %v\n%s", p.cmd.Path, err, p.tail())
}

func (p *process) tail() []byte {
	text, _ := os.ReadFile(p.log)
	return text[max(0, len(text)-2000):]
}

// stop ends the process, and no other.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-p.done:
	case <-time.After(goodbye):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// Dial opens a connection that nobody tracks, for what a test does on the side.
func Dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx = otelnetstats.ContextWithoutTracking(ctx)
	return new(net.Dialer).DialContext(ctx, network, address)
}

// accepts returns a function that looks whether somebody listens to addresses.
func accepts(addrs ...string) func() error {
	return func() error {
		for _, addr := range addrs {
			c, err := Dial(context.Background(), "tcp", addr)
			if err != nil {
				return err
			}
			c.Close()
		}
		return nil
	}
}

// greets returns a function that looks whether somebody sends a greeting.
func greets(addr string) func() error {
	return func() error {
		c, err := Dial(context.Background(), "tcp", addr)
		if err != nil {
			return err
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(time.Second))
		_, err = c.Read(make([]byte, 1))
		return err
	}
}

// free returns addresses that nobody listens to.
func free(t testing.TB, n int) []string {
	t.Helper()
	addrs := make([]string, n)
	for i := range addrs {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() //nolint:revive // all stay taken until the last is known
		addrs[i] = l.Addr().String()
	}
	return addrs
}

func port(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}

// find returns the path of a server's program, also from folders that only root
// has in its path.
func find(t testing.TB, name, debian string, folders ...string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, pattern := range append(folders, "/usr/sbin", "/usr/local/sbin") {
		found, _ := filepath.Glob(filepath.Join(pattern, name))
		if len(found) > 0 {
			return found[len(found)-1]
		}
	}
	missing(t, name, debian)
	return ""
}

func missing(t testing.TB, name, debian string) {
	t.Helper()
	if os.Getenv("CI") != "" || os.Getenv("NETSTATS_CLIENTS_RESULTS") != "" {
		t.Fatalf("%s is not installed: it is in Debian's %s", name, debian)
	}
	t.Skipf("%s is not installed: it is in Debian's %s", name, debian)
}

// as has a program run as a user, if this one runs as root: some servers refuse
// that.
func as(t testing.TB, cmd *exec.Cmd, name string) *exec.Cmd {
	t.Helper()
	if uid, gid, ok := ids(t, name); ok {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	}
	cmd.Dir = "/"
	return cmd
}

func ids(t testing.TB, name string) (uid, gid uint32, ok bool) {
	t.Helper()
	if os.Geteuid() != 0 || name == "" {
		return 0, 0, false
	}
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	n, err1 := strconv.ParseUint(u.Uid, 10, 32)
	g, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return uint32(n), uint32(g), true
}

// run runs a program to its end.
func run(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd.Path, err, out)
	}
}

// folder makes a folder that is removed when the test ends, and gives it to a
// user. Its path is short: that of a unix socket has to be.
func folder(t testing.TB, owner string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ns") //nolint:usetesting // its parents are open to this user only
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if uid, gid, ok := ids(t, owner); ok {
		if err := os.Chown(dir, int(uid), int(gid)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// write writes a file for a user, and returns its path.
func write(t testing.TB, dir, name, owner string, lines ...string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	var text bytes.Buffer
	for _, line := range lines {
		text.WriteString(line + "\n")
	}
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if uid, gid, ok := ids(t, owner); ok {
		if err := os.Chown(path, int(uid), int(gid)); err != nil {
			t.Fatal(err)
		}
	}
	return path
}
