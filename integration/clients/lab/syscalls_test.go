package lab

import (
	"strings"
	"testing"
)

func TestParseOfStrace(t *testing.T) {
	sockets, err := parse(strings.NewReader(`
10 write(7<TCP:[127.0.0.1:1000->127.0.0.1:80]>, ""..., 100) = 60
11 read(8<TCP:[127.0.0.1:2000->127.0.0.1:80]>,  <unfinished ...>
10 writev(7<TCP:[127.0.0.1:1000->127.0.0.1:80]>, [...], 2) = 40
10 sendfile(7<TCP:[127.0.0.1:1000->127.0.0.1:80]>, 9</tmp/file>, NULL, 4096) = 4096
11 <... read resumed>""..., 4096) = 12
10 read(7<TCP:[127.0.0.1:1000->127.0.0.1:80]>, 0xc000, 4096) = -1 EAGAIN (Resource temporarily unavailable)
10 recvfrom(7<TCP:[127.0.0.1:1000->127.0.0.1:80]>, ""..., 1, MSG_PEEK, NULL, NULL) = 1
10 splice(7<TCP:[127.0.0.1:1000->127.0.0.1:80]>, NULL, 5<pipe:[1]>, NULL, 100, 0) = 33
10 write(1</dev/null>, ""..., 5) = 5
`))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][2]int64{"127.0.0.1:1000": {60 + 40 + 4096, 33}, "127.0.0.1:2000": {0, 12}} {
		if s := sockets[name]; s == nil || s.sent != want[0] || s.received != want[1] {
			t.Errorf("%s: %+v, want %v", name, s, want)
		}
	}
	if n := len(sockets); n != 2 {
		t.Errorf("%d sockets", n)
	}
	if s := sockets["127.0.0.1:1000"]; s.calls["writev"] != 1 || s.calls["sendfile"] != 1 || s.calls["splice"] != 1 {
		t.Errorf("calls %v", s.calls)
	}
}
