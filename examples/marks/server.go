package main

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
)

// files are what the server has.
var files = map[string]string{
	"poem.txt":  strings.Repeat("Roses are red.\n", 10),
	"story.txt": strings.Repeat("Once upon a time. ", 1000),
}

// serve answers one client, until it goes.
func serve(listener net.Listener) {
	conn, err := listener.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	for in := bufio.NewScanner(conn); in.Scan(); {
		verb, argument, _ := strings.Cut(in.Text(), " ")
		if _, err := io.WriteString(conn, answer(verb, argument)); err != nil {
			return
		}
	}
}

func answer(verb, argument string) string {
	switch verb {
	case "LOGIN":
		return "OK welcome, " + argument + "\n"
	case "QUERY":
		return "OK " + strings.Join(slices.Sorted(maps.Keys(files)), " ") + "\n"
	case "GET":
		if file, ok := files[argument]; ok {
			return fmt.Sprintf("OK %d\n%s", len(file), file)
		}
	}
	return "no\n"
}
