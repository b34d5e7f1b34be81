package tcpinfo_test

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/netstats-go/netstats/internal/tcpinfo"
	"github.com/netstats-go/netstats/internal/testnet"
)

// unlessRace skips the test with the race detector, where nobody looks into package
// net's descriptors.
func unlessRace(t *testing.T) {
	t.Helper()
	if testnet.Race {
		t.Skip("with the race detector there is no look into package net's descriptors")
	}
}

// TestWritesAreKeptOut: they wait, and are told by Close that they come too late.
func TestWritesAreKeptOut(t *testing.T) {
	unlessRace(t)
	client, server := testnet.TCPPair(t)
	var s tcpinfo.Socket
	if !s.Init(client) || !s.KeepWritesOut() {
		t.Fatal("writes are not kept out of a connection on which there is none: does package poll look otherwise with this Go?")
	}
	if s.KeepWritesOut() {
		t.Error("they are kept out twice")
	}
	written := make(chan error, 2)
	go func() { _, err := client.Write([]byte{1}); written <- err }()
	go func() { _, err := (&net.Buffers{{1}, {2}}).WriteTo(client); written <- err }()
	testnet.AwaitBlocked(t, "internal/poll.(*fdMutex).rwlock", 2)
	testnet.Must(t, client.Close())
	for range 2 {
		if err := <-written; !errors.Is(err, net.ErrClosed) {
			t.Errorf("a write returned %v, want %v", err, net.ErrClosed)
		}
	}
	if n, err := server.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("the peer read %d, %v; want the end", n, err)
	}
	if s.Writev() {
		t.Error("a writev is said to have been begun")
	}
	closed, _ := testnet.TCPPair(t)
	s.Init(closed)
	testnet.Must(t, closed.Close())
	if s.KeepWritesOut() {
		t.Error("writes are kept out of a connection that is closed")
	}
}

// TestWritesAreKeptOutAmidCalls: those that use the descriptor at that moment go on,
// and package poll goes on counting them.
func TestWritesAreKeptOutAmidCallsConcurrentSafe(t *testing.T) {
	unlessRace(t)
	var client, server *net.TCPConn
	var s *tcpinfo.Socket
	end := func() {
		testnet.Must(t, client.Close())
		testnet.Must(t, server.Close())
	}
	testnet.Meet(300, func(round int) {
		if round > 0 {
			end()
		}
		client, server = testnet.TCPPair(t)
		if s = new(tcpinfo.Socket); !s.Init(client) {
			t.Fatal("the kernel does not tell")
		}
	}, func() {
		if !s.KeepWritesOut() {
			t.Error("writes are not kept out of a connection on which there is none")
		}
	}, func() {
		for range 20 {
			if err := client.SetReadDeadline(time.Time{}); err != nil {
				t.Error(err)
			}
		}
	})
	end()
}

// TestAWriteUnderWayIsNotDisturbed.
func TestAWriteUnderWayIsNotDisturbed(t *testing.T) {
	client, _ := testnet.TCPPair(t)
	var s tcpinfo.Socket
	s.Init(client)
	written := make(chan error, 1)
	go func() {
		for {
			if _, err := client.Write(make([]byte, 1<<20)); err != nil {
				written <- err
				return
			}
		}
	}()
	testnet.AwaitBlocked(t, "internal/poll.(*pollDesc).waitWrite", 1)
	if s.KeepWritesOut() {
		t.Error("a lock is taken that a write holds")
	}
	testnet.Must(t, client.SetWriteDeadline(time.Now().Add(-time.Second)))
	if err := <-written; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the write returned %v, want %v", err, os.ErrDeadlineExceeded)
	}
}
