package main

import (
	"net"
	"strings"
	"testing"
)

func TestLaps(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	var got [][]string
	for line := range strings.Lines(out.String()) {
		got = append(got, strings.Fields(line))
	}
	// What the protocol says, counted by hand: "LOGIN gopher\n" is 13 bytes, its
	// answer "OK welcome, gopher\n" is 19, and so on. Fields 1 and 3 are numbers.
	want := [][2]string{
		{"login", "19 13"},
		{"query", "22 12"},
		{"download", "157 13"},   // "OK 150\n" and 150 bytes
		{"download", "18009 14"}, // "OK 18000\n" and 18,000 bytes
		{"in", "18207 52"},
	}
	if len(got) != len(want)+1 {
		t.Fatalf("got %d lines, want %d:\n%s", len(got), len(want)+1, &out)
	}
	for i, w := range want {
		fields := got[i+1]
		if fields[0] == "in" { // "in all"
			fields = fields[1:]
			fields[0] = "in"
		}
		if fields[0] != w[0] || fields[1]+" "+fields[3] != w[1] {
			t.Errorf("line %d is %q, want %v", i+1, fields, w)
		}
	}
}

// An answer that is not OK must not pass for a lap.
func TestRefusal(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	go func() {
		defer theirs.Close()
		buf := make([]byte, 100)
		_, _ = theirs.Read(buf)
		_, _ = theirs.Write([]byte(answer("GET", "nothing.txt")))
	}()
	err := newClient(ours).download("nothing.txt")
	if err == nil || !strings.Contains(err.Error(), `the server says "no"`) {
		t.Errorf("got error %v, want the server's word", err)
	}
}
