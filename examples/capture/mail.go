package main

import (
	"bufio"
	"fmt"
	"net"
	"strings"
)

// listenMail starts a mail server that agrees to everything.
func listenMail() (net.Listener, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go agree(conn)
		}
	}()
	return ln, nil
}

// agree answers each command. Between DATA and a dot there are none.
func agree(conn net.Conn) {
	defer conn.Close()
	fmt.Fprint(conn, "220 example\r\n")
	data := false
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		switch command := strings.ToUpper(lines.Text()); {
		case data && command != ".":
		case command == "DATA":
			data = true
			fmt.Fprint(conn, "354 go ahead\r\n")
		case command == "QUIT":
			fmt.Fprint(conn, "221 bye\r\n")
			return
		default:
			data = false
			fmt.Fprint(conn, "250 as you wish\r\n")
		}
	}
}
