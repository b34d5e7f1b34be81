package netwrap_test

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/netwrap"
	"github.com/netstats-go/netstats/internal/testnet"
)

// A leg is one of the two connections of a copy, with its peer.
type leg struct {
	near net.Conn
	peer halfCloseConn
	rec  *testnet.Record // nil if near is not tracked
}

type halfCloseConn interface {
	net.Conn
	CloseWrite() error
}

// legs are the kinds of connections to copy between.
var legs = map[string]func(t *testing.T) leg{
	"raw tcp": func(t *testing.T) leg {
		c, s := testnet.TCPPair(t)
		return leg{c, s, nil}
	},
	"raw unix": func(t *testing.T) leg {
		c, s := testnet.UnixPair(t, "unix")
		return leg{c, s, nil}
	},
	"tcp": func(t *testing.T) leg {
		c, s := testnet.TCPPair(t)
		rec := testnet.NewRecord()
		return leg{netwrap.Conn(c, &rec.Record), s, rec}
	},
	"plain tcp": func(t *testing.T) leg {
		c, s := testnet.TCPPair(t)
		rec := testnet.NewRecord()
		return leg{netwrap.PlainTCP(c, &rec.Record), s, rec}
	},
	"unix": func(t *testing.T) leg {
		c, s := testnet.UnixPair(t, "unix")
		rec := testnet.NewRecord()
		return leg{netwrap.Conn(c, &rec.Record), s, rec}
	},
}

// A path is a way to move the payload, with the system call that does it.
type path struct {
	name    string
	syscall string
	run     func(t *testing.T)
}

// paths returns all ways to copy that do not go through user space, and some
// that do, which have no system call to look for.
func paths() []path {
	var all []path
	for _, dst := range []string{"tcp", "plain tcp", "raw tcp", "unix", "raw unix"} {
		for _, src := range []string{"tcp", "plain tcp", "raw tcp", "unix", "raw unix"} {
			syscall := "splice"
			switch {
			case isUnix(src) && isUnix(dst):
				syscall = "" // package net does not splice there
			case src == "unix" && dst == "raw tcp", src == "raw tcp" && dst == "unix":
				syscall = "" // and here it asks for types that a wrapper has not
			}
			all = append(all, path{src + " to " + dst, syscall, func(t *testing.T) { copyConn(t, dst, src, io.Copy) }})
			if isUnix(dst) || dst == "raw tcp" {
				continue
			}
			all = append(all,
				path{src + " to " + dst + ", limited", syscall, func(t *testing.T) { copyConn(t, dst, src, copyLimited) }},
				path{src + " to " + dst + ", ReadFrom", syscall, func(t *testing.T) { copyConn(t, dst, src, readFrom) }},
			)
		}
	}
	for _, dst := range []string{"tcp", "plain tcp"} {
		all = append(all,
			path{"file to " + dst, "sendfile", func(t *testing.T) { copyFromFile(t, dst, io.Copy) }},
			path{"file to " + dst + ", limited", "sendfile", func(t *testing.T) { copyFromFile(t, dst, copyLimited) }},
			path{"file to " + dst + ", ReadFrom", "sendfile", func(t *testing.T) { copyFromFile(t, dst, readFrom) }},
			path{"file to " + dst + ", by the file", "sendfile", func(t *testing.T) { copyFromFile(t, dst, writeTo) }},
			path{dst + " to file", "splice", func(t *testing.T) { copyToFile(t, dst, io.Copy, os.O_RDWR) }},
			path{dst + " to file, ReadFrom", "splice", func(t *testing.T) { copyToFile(t, dst, readFrom, os.O_RDWR) }},
			path{dst + " to file, appended", "", func(t *testing.T) { copyToFile(t, dst, io.Copy, os.O_RDWR|os.O_APPEND) }},
			path{dst + " to file, limited", "", func(t *testing.T) { copyToFile(t, dst, copyLimited, os.O_RDWR) }},
		)
	}
	return append(all,
		path{"file to unix", "", func(t *testing.T) { copyFromFile(t, "unix", io.Copy) }},
		path{"unix to file", "", func(t *testing.T) { copyToFile(t, "unix", io.Copy, os.O_RDWR) }},
		path{"buffers to tcp", "writev", func(t *testing.T) { writeBuffers(t, "tcp", writeTo) }},
		path{"buffers to tcp, ReadFrom", "writev", func(t *testing.T) { writeBuffers(t, "tcp", readFrom) }},
		path{"buffers to plain tcp", "", func(t *testing.T) { writeBuffers(t, "plain tcp", writeTo) }},
		path{"buffers to unix", "", func(t *testing.T) { writeBuffers(t, "unix", writeTo) }},
	)
}

func isUnix(leg string) bool { return leg == "unix" || leg == "raw unix" }

func TestCopiesAreCountedOnBothEnds(t *testing.T) {
	for _, p := range paths() {
		t.Run(p.name, p.run)
	}
}

func TestCopiesDoNotGoThroughUserSpace(t *testing.T) {
	trace, done := testnet.Strace(t, "sendfile", "sendfile64", "splice", "writev", "write")
	if !done {
		for _, p := range paths() {
			testnet.Mark(p.name)
			t.Run(p.name, p.run)
			testnet.Mark("")
		}
		return
	}
	for _, p := range paths() {
		if p.syscall != "" && trace[p.name][p.syscall] == 0 {
			t.Errorf("%s: the system calls are %v, want %s", p.name, trace[p.name], p.syscall)
		}
		for _, other := range []string{"sendfile", "splice", "writev"} {
			if p.syscall != "" && p.syscall != other && trace[p.name][other] > 0 {
				t.Errorf("%s: the system calls are %v, want %s only", p.name, trace[p.name], p.syscall)
			}
		}
	}
}

func copyLimited(dst io.Writer, src io.Reader) (int64, error) {
	limited := &io.LimitedReader{R: src, N: payloadSize + 5}
	n, err := io.Copy(dst, limited)
	if limited.N != payloadSize+5-n {
		return n, io.ErrNoProgress
	}
	return n, err
}

func readFrom(dst io.Writer, src io.Reader) (int64, error) {
	return dst.(io.ReaderFrom).ReadFrom(src)
}

func writeTo(dst io.Writer, src io.Reader) (int64, error) {
	return src.(io.WriterTo).WriteTo(dst)
}

// A copy of a part takes that part from the source, and leaves the rest.
func TestLimitedCopiesLeaveTheRest(t *testing.T) {
	const limit = 1<<20 + 1000 // more than goes through a pipe at once
	for _, to := range []string{"tcp", "plain tcp", "unix"} {
		for _, from := range []string{"tcp", "plain tcp", "raw tcp", "unix", "raw unix"} {
			t.Run(from+" to "+to, func(t *testing.T) {
				src, dst := legs[from](t), legs[to](t)
				sent, got := src.feed(), dst.collect()
				limited := &io.LimitedReader{R: src.near, N: limit}
				if n, err := io.Copy(dst.near, limited); n != limit || err != nil || limited.N != 0 {
					t.Errorf("copied %d bytes, %v, %d remain, want %d, nil, 0", n, err, limited.N, limit)
				}
				rest, err := io.ReadAll(src.near)
				if err != nil || !bytes.Equal(rest, payload[limit:]) {
					t.Errorf("%d bytes are left, %v, want the rest of the payload", len(rest), err)
				}
				testnet.Must(t, <-sent)
				src.wantReceived(t)
				dst.near.Close()
				if b := <-got; !bytes.Equal(b, payload[:limit]) {
					t.Errorf("the peer got %d bytes, want the first %d of the payload", len(b), limit)
				}
			})
		}
	}
}

// Datagrams are no stream: an empty one is not its end.
func TestDatagramsAreNotSpliced(t *testing.T) {
	for name, wrap := range map[string]func(*net.UnixConn) io.Reader{
		"raw":     func(c *net.UnixConn) io.Reader { return c },
		"tracked": func(c *net.UnixConn) io.Reader { return netwrap.Conn(c, &testnet.NewPacketRecord().Record) },
	} {
		t.Run(name, func(t *testing.T) {
			from, src := testnet.UnixgramPair(t)
			for _, datagram := range []string{"one", "", "two"} {
				testnet.Send(t, from, []byte(datagram))
			}
			dst := legs["tcp"](t)
			got := dst.collect()
			if n, err := io.Copy(dst.near, io.LimitReader(wrap(src), 6)); n != 6 || err != nil {
				t.Errorf("copied %d bytes, %v, want 6, nil", n, err)
			}
			dst.near.Close()
			if b := <-got; string(b) != "onetwo" {
				t.Errorf("the peer got %q", b)
			}
		})
	}
}

type copyFunc func(dst io.Writer, src io.Reader) (int64, error)

func copyConn(t *testing.T, to, from string, move copyFunc) {
	src, dst := legs[from](t), legs[to](t)
	sent, got := src.feed(), dst.collect()
	n, err := move(dst.near, src.near)
	if n != payloadSize || err != nil {
		t.Fatalf("copied %d bytes, %v, want %d, nil", n, err, payloadSize)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	dst.wantSent(t, got)
	src.wantReceived(t)
}

func copyFromFile(t *testing.T, to string, move copyFunc) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, payload, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dst := legs[to](t)
	got := dst.collect()
	n, err := move(dst.near, f)
	if n != payloadSize || err != nil {
		t.Fatalf("copied %d bytes, %v, want %d, nil", n, err, payloadSize)
	}
	dst.wantSent(t, got)
}

func copyToFile(t *testing.T, from string, move copyFunc, flag int) {
	name := filepath.Join(t.TempDir(), "file")
	f, err := os.OpenFile(name, flag|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	src := legs[from](t)
	sent := src.feed()
	n, err := move(f, src.near)
	if n != payloadSize || err != nil {
		t.Fatalf("copied %d bytes, %v, want %d, nil", n, err, payloadSize)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	src.wantReceived(t)
	if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, payload) {
		t.Errorf("the file has %d bytes, %v, want the payload", len(got), err)
	}
}

func writeBuffers(t *testing.T, to string, move copyFunc) {
	dst := legs[to](t)
	got := dst.collect()
	buffers := net.Buffers{payload[:5], payload[5:1000], nil, payload[1000:]}
	n, err := move(dst.near, &buffers)
	if n != payloadSize || err != nil || len(buffers) != 0 {
		t.Fatalf("wrote %d bytes, %v, %d buffers remain, want %d, nil, 0", n, err, len(buffers), payloadSize)
	}
	dst.wantSent(t, got)
}

// feed has the peer send the payload and close its direction.
func (l leg) feed() <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := l.peer.Write(payload)
		if err == nil {
			err = l.peer.CloseWrite()
		}
		done <- err
	}()
	return done
}

// collect has the peer read until the end of the stream.
func (l leg) collect() <-chan []byte {
	done := make(chan []byte, 1)
	go func() {
		b, _ := io.ReadAll(l.peer)
		done <- b
	}()
	return done
}

// wantSent closes the leg, which sent the payload.
func (l leg) wantSent(t *testing.T, got <-chan []byte) {
	t.Helper()
	if l.rec != nil {
		l.rec.WantBytes(t, 0, payloadSize)
	}
	l.near.Close()
	if b := <-got; !bytes.Equal(b, payload) {
		t.Errorf("the peer got %d bytes, want the payload", len(b))
	}
	if l.rec == nil {
		return
	}
	l.rec.WantBytes(t, 0, payloadSize)
	if got, want := l.rec.Wait(t), connstat.Local; got != want {
		t.Errorf("the destination ended with reason %d, want %d", got, want)
	}
}

// wantReceived closes the leg, which received the payload and the peer's FIN.
func (l leg) wantReceived(t *testing.T) {
	t.Helper()
	l.near.Close()
	if l.rec == nil {
		return
	}
	l.rec.WantBytes(t, payloadSize, 0)
	if got, want := l.rec.Wait(t), connstat.Remote; got != want {
		t.Errorf("the source ended with reason %d, want %d", got, want)
	}
}
