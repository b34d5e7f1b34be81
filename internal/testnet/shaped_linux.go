package testnet

import (
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Shapes are queues of this host that drop packets, or hold them up, as tc(8)
// has them: traffic shapers and the bandwidth limits of containers are made so.
var Shapes = map[string]string{
	"none":        "",
	"tbf":         "tbf rate 50mbit burst 64kb limit 70kb",
	"tbf, slow":   "tbf rate 20mbit burst 256kb latency 25ms",
	"pfifo":       "pfifo limit 3",
	"htb":         "htb default 1; class htb rate 100mbit; leaf pfifo limit 5",
	"netem loss":  "netem loss 2%",
	"netem limit": "netem delay 1ms limit 20",
}

// NewShapedNetwork moves the calling goroutine to a new namespace whose loopback
// interface has one of [Shapes], for good: the goroutine must not be used for
// anything else. The test is skipped if it may not have a namespace, or the
// kernel does not know the queue. [TCPPair] works there.
func NewShapedNetwork(t *testing.T, shape string) {
	t.Helper()
	runtime.LockOSThread() // and never unlocked: the thread ends with its goroutine
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("no network namespace to shape: %v", err)
	}
	run(t, "ip link set lo up mtu 1500")
	for i, step := range strings.Split(shape, "; ") {
		kind, rest, _ := strings.Cut(step, " ")
		switch {
		case step == "":
		case i == 0:
			run(t, "tc qdisc add dev lo root handle 1: "+step)
		case kind == "class":
			run(t, "tc class add dev lo parent 1: classid 1:1 "+rest)
		case kind == "leaf":
			run(t, "tc qdisc add dev lo parent 1:1 "+rest)
		}
	}
}

// run runs a command in the calling thread's namespace.
func run(t *testing.T, command string) {
	t.Helper()
	words := strings.Fields(command)
	if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
		t.Skipf("%s: %v: %s", command, err, out)
	}
}

// Dropped is the number of packets that the queues of the calling goroutine's
// network dropped.
func Dropped(t *testing.T) (n int) {
	t.Helper()
	out, err := exec.Command("tc", "-s", "qdisc", "show", "dev", "lo").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range strings.Split(string(out), "dropped ")[1:] {
		var dropped int
		for _, c := range field {
			if c < '0' || c > '9' {
				break
			}
			dropped = 10*dropped + int(c-'0')
		}
		n += dropped
	}
	return n
}
