// Sink receives what programs export by OTLP over HTTP, for tests of the command
// netstats. It prints the address where it listens, and ends with its stdin. GET
// returns what came since the last time, in lines of text.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr())
	server := &http.Server{Handler: new(sink), ReadHeaderTimeout: time.Minute}
	go func() { log.Fatal(server.Serve(listener)) }()
	_, _ = io.Copy(io.Discard, os.Stdin) // it is there to end
}
