package lab

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A socket is what the system calls on one of this process's connections moved.
type socket struct {
	sent, received int64
	calls          map[string]int
}

// traced is what strace looks at: all that moves bytes.
var traced = []string{
	"read", "readv", "recvfrom", "recvmsg",
	"write", "writev", "sendto", "sendmsg",
	"sendfile", "splice",
}

// A tracing is a strace that is attached to this process.
type tracing struct {
	cmd  *exec.Cmd
	file string
}

// startTracing attaches strace, or skips the test where that is not possible.
func startTracing(t *testing.T) *tracing {
	t.Helper()
	// A child may trace its parent only with the parent's leave.
	_ = unix.Prctl(unix.PR_SET_PTRACER, unix.PR_SET_PTRACER_ANY, 0, 0, 0) // not every kernel asks
	s := &tracing{file: filepath.Join(t.TempDir(), "trace")}
	s.cmd = exec.Command("strace", "-f", "-yy", "-s", "0", "-o", s.file,
		"-e", "trace=?"+strings.Join(traced, ",?"), "-p", strconv.Itoa(os.Getpid()))
	stderr, err := s.cmd.StderrPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		t.Skipf("strace: %v", err)
	}
	r := bufio.NewReader(stderr)
	line, _ := r.ReadString('\n')
	go io.Copy(io.Discard, r) // threads come and go
	if !strings.Contains(line, "attached") {
		_ = s.cmd.Wait() // it has said why
		t.Skipf("strace may not trace this process: %s", line)
	}
	return s
}

// stop detaches strace, and returns what it saw by the connections' own
// addresses.
func (s *tracing) stop(t *testing.T) map[string]*socket {
	t.Helper()
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	var exit *exec.ExitError
	if err := s.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		t.Error(err)
	}
	text, err := os.Open(s.file)
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	sockets, err := parse(text)
	if err != nil {
		t.Error(err)
	}
	return sockets
}

var (
	wholeLine      = regexp.MustCompile(`^(\d+) +(\w+)\((.*)\) += (-?\d+)`)
	unfinishedLine = regexp.MustCompile(`^(\d+) +(\w+)\((.*)<unfinished`)
	resumedLine    = regexp.MustCompile(`^(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (-?\d+)`)
	// endpoint is an argument that is a socket, up to its own address.
	endpoint = regexp.MustCompile(`^\d+<(?:TCP|TCPv6|UDP|UDPv6):\[(.+?)->`)
)

// A call is a system call. One that another thread interrupts takes two lines.
type call struct{ name, args string }

func parse(r io.Reader) (map[string]*socket, error) {
	sockets := make(map[string]*socket)
	pending := make(map[string]call) // by thread
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if m := wholeLine.FindStringSubmatch(line); m != nil {
			count(sockets, call{m[2], m[3]}, m[4])
		} else if m := unfinishedLine.FindStringSubmatch(line); m != nil {
			pending[m[1]] = call{m[2], m[3]}
		} else if m := resumedLine.FindStringSubmatch(line); m != nil {
			c := pending[m[1]]
			delete(pending, m[1])
			count(sockets, call{m[2], c.args + m[3]}, m[4])
		}
	}
	return sockets, lines.Err()
}

// count adds a call to the sockets that it moved bytes of.
func count(sockets map[string]*socket, c call, result string) {
	n, err := strconv.ParseInt(result, 10, 64)
	if err != nil || n <= 0 || strings.Contains(c.args, "MSG_PEEK") {
		return
	}
	args := strings.Split(c.args, ", ")
	switch c.name {
	case "read", "readv", "recvfrom", "recvmsg":
		move(sockets, c.name, args[0], 0, n)
	case "splice": // in, offset, out, …
		move(sockets, c.name, args[0], 0, n)
		if len(args) > 2 {
			move(sockets, c.name, args[2], n, 0)
		}
	default: // sendfile has the socket first, too
		move(sockets, c.name, args[0], n, 0)
	}
}

func move(sockets map[string]*socket, name, arg string, sent, received int64) {
	m := endpoint.FindStringSubmatch(arg)
	if m == nil {
		return
	}
	s := sockets[m[1]]
	if s == nil {
		s = &socket{calls: make(map[string]int)}
		sockets[m[1]] = s
	}
	s.sent += sent
	s.received += received
	s.calls[name]++
}
