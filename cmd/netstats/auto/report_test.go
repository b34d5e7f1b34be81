package auto

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

func table(r *report) string {
	var b strings.Builder
	r.write(&b, asTable)
	return b.String()
}

func sample(n int) (rows []row, servers map[place]*group, total *group) {
	servers, total = map[place]*group{}, new(group)
	for i := range n {
		r := row{
			place: place{fmt.Sprintf("s%d.example:443", i%25), outgoing}, Network: "tcp", Caller: "example.com/client",
			Received: int64(i) * 1500, Sent: 100, Dial: timing{30 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond},
			Age: time.Duration(i+1) * time.Second, End: "local",
		}
		rows = append(rows, r)
		if servers[r.place] == nil {
			servers[r.place] = new(group)
		}
		servers[r.place].add(&r)
		total.add(&r)
	}
	return rows, servers, total
}

func TestTableOfConnections(t *testing.T) {
	rows, servers, total := sample(3)
	rows[1].Network, rows[1].Dial, rows[1].Caller = "udp", timing{}, ""
	failed := map[failure]int{{"db.example:5432", "connection refused"}: 3, {"db.example:5432", "timeout"}: 1}
	const want = `
netstats: 3 connections, 4.50 kB received, 300 B sent, 4 failed dials
SERVER              IN/OUT  OPENED BY                RX     TX     DIAL      DNS  CONNECT     AGE  END
s2.example:443      out     example.com/client  3.00 kB  100 B  30.0 ms  10.0 ms  20.0 ms  3.00 s  local
udp s1.example:443  out     -                   1.50 kB  100 B        -        -        -  2.00 s  local
s0.example:443      out     example.com/client      0 B  100 B  30.0 ms  10.0 ms  20.0 ms  1.00 s  local
total 3                                         4.50 kB  300 B

FAILED DIALS     TIMES  REASON
db.example:5432      3  connection refused
db.example:5432      1  timeout
`
	if got := table(newReport(rows, servers, total, failed)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTableOfServers(t *testing.T) {
	_, servers, total := sample(30)
	got := strings.Split(table(newReport(nil, servers, total, nil)), "\n")
	for i, want := range []string{
		"",
		"netstats: 30 connections, 652 kB received, 3.00 kB sent",
		"SERVER           IN/OUT  CONNS  OPENED BY                RX       TX  DIAL (mean)      DNS  CONNECT  AGE (max)  END",
		"s4.example:443   out         2  example.com/client  49.5 kB    200 B      30.0 ms  10.0 ms  20.0 ms     30.0 s  2 local",
	} {
		if got[i] != want {
			t.Errorf("line %d\ngot  %s\nwant %s", i, got[i], want)
		}
	}
	for i, want := range map[int]string{
		23: "5 more servers               5                      52.5 kB    500 B",
		24: "total                       30                       652 kB  3.00 kB",
		25: "",
	} {
		if got[i] != want {
			t.Errorf("line %d\ngot  %s\nwant %s", i, got[i], want)
		}
	}
}

func TestNothing(t *testing.T) {
	if got, want := table(newSummary().report(time.Time{})), "\nnetstats: 0 connections, 0 B received, 0 B sent\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestUnits(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.00 kB", 9995: "10.0 kB", 99950: "100 kB", 999499: "999 kB", 999500: "1.00 MB", 1 << 62: "4.61 EB",
	} {
		if got := size(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		0: "-", -1: "-", 1500: "1.50 µs", 20 * time.Millisecond: "20.0 ms", 59 * time.Second: "59.0 s",
		61 * time.Second: "1m01s", 3*time.Hour + 5*time.Minute: "3h05m",
	} {
		if got := short(d); got != want {
			t.Errorf("%d: got %q, want %q", d, got, want)
		}
	}
}

func TestReasonOf(t *testing.T) {
	for want, err := range map[string]error{
		"connection refused":         &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)},
		"no such host":               &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "x"}},
		"timeout of the name lookup": &net.DNSError{Err: "i/o timeout", IsTimeout: true},
		"timeout":                    &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded},
		"missing port in address":    &net.OpError{Op: "dial", Err: errors.New("missing port in address")},
		strings.Repeat("x", 80):      errors.New(strings.Repeat("x", 200)),
	} {
		if got := reasonOf(err); got != want {
			t.Errorf("%v: got %q, want %q", err, got, want)
		}
	}
}

// However many servers a program dials, what is kept of them is bounded.
func TestSummaryIsBounded(t *testing.T) {
	s := newSummary()
	busyPlace := place{"busy", incoming}
	for i := range 3 * maxServers {
		server := fmt.Sprint(i)
		s.group(place{server, outgoing}).add(&row{Caller: server, End: server})
		s.group(busyPlace).add(&row{Caller: server, End: server})
		s.DialError(t.Context(), "tcp", server, errors.New(server))
	}
	if got := len(s.servers); got > maxServers+1 {
		t.Errorf("got %d servers", got)
	}
	if got := len(s.failures); got > maxServers+1 {
		t.Errorf("got %d failures", got)
	}
	busy := s.group(busyPlace)
	if len(busy.Callers) > maxNames+1 || len(busy.Ends) > maxNames+1 || busy.Connections != 3*maxServers {
		t.Errorf("got %d callers and %d ends of %d connections", len(busy.Callers), len(busy.Ends), busy.Connections)
	}
	if got := newReport(nil, s.servers, &s.total, s.failures).failed(); got != 3*maxServers {
		t.Errorf("got %d failed dials", got)
	}
}
