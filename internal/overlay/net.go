package overlay

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

// Package net tells of sockets that begin and end, with the ctx of the caller;
// but not of those that it has for itself.

const netPkg = "net"

var netSet = ruleSet{pkg: netPkg, rules: rulesOf(slices.Concat(
	[]funcRule{
		{
			name: "socket", on: posix, edit: tellSocket,
			why: "each attempt to connect, listen or bind is told of, with the caller's ctx",
		},
		{
			recv: "netFD", name: "accept", on: posix, edit: tellAccept,
			why: "accepted connections are told of",
		},
		{
			name: "newFileFD", on: posix, edit: tellAdopted,
			why: "sockets made of files are told of",
		},
		{
			recv: "netFD", name: "Close", on: posix, edit: tellClose,
			why: "a connection's end is told of before it happens",
		},
		{
			recv: "netFD", name: "setAddr", on: posix, edit: tellFinalizer,
			why: "a connection that nobody closed can be told from one that somebody did",
		},
		{
			recv: "netFD", name: "closeRead", on: posix, edit: tellCloseRead,
			why: "it is known which side ended a direction first",
		},
		{
			recv: "netFD", name: "closeWrite", on: posix, edit: tellCloseWrite,
			why: "it is known which side ended a direction first",
		},
		{
			recv: "Dialer", name: "DialContext", on: everywhere, edit: tellDial,
			why: "a dial is told of: its host's name, all attempts, and its outcome",
		},
		{
			name: "srcAddrs", on: everywhere, edit: leaveProbes,
			why: "the resolver's probes of routes, which send nothing, are not told of",
		},
	},
	typedDials("TCP", "UDP", "IP", "Unix"),
))}

// typedDials are rules for DialTCP and its like, which do not pass DialContext.
func typedDials(kinds ...string) []funcRule {
	rules := make([]funcRule, len(kinds))
	for i, kind := range kinds {
		rules[i] = funcRule{
			name: "dial" + kind, on: everywhere, edit: tellTypedDial(kind),
			why: "dials by Dial" + kind + " are told of",
		}
	}
	return rules
}

func tellSocket(p *patch, f *function, why string) error {
	const want = "func(context.Context, string, int, int, int, bool, sockaddr, sockaddr, func(context.Context, string, string, syscall.RawConn) error) (*netFD, error)"
	if got := f.signature(); got != want {
		return shape(got, want)
	}
	ctx, network, sotype, laddr, raddr := f.params[0].name, f.params[1].name, f.params[3].name, f.params[6].name, f.params[7].name
	return p.wrap(f, why, `
ends, told := netstatsSocket(%[2]s, %[4]s, %[3]s, %[5]s, %[6]s)
if !told {
	return %[1]s
}
fd, err := %[1]s
if err != nil {
	ends.call(netstatsAddr(%[5]s), netstatsAddr(%[6]s), err)
	return nil, err
}
fd.pfd.Netstats = ends.call(fd.laddr, fd.raddr, nil)
return fd, nil`, f.stock(), ctx, network, sotype, laddr, raddr)
}

func tellAccept(p *patch, f *function, why string) error {
	const want = "func() (*netFD, error)"
	if got := f.signature(); got != want {
		return shape(got, want)
	}
	return p.wrap(f, why, `
netfd, err := %s
if err == nil {
	netstatsAccepted(%s, netfd)
}
return netfd, err`, f.stock(), f.recv.name)
}

func tellAdopted(p *patch, f *function, why string) error {
	const want = "func(*os.File) (*netFD, error)"
	if got := f.signature(); got != want {
		return shape(got, want)
	}
	return p.wrap(f, why, `
fd, err := %s
if err == nil {
	netstatsAdopted(fd)
}
return fd, err`, f.stock())
}

func tellClose(p *patch, f *function, why string) error {
	const want = "func() error"
	if got := f.signature(); got != want {
		return shape(got, want)
	}
	return p.wrap(f, why, `
if %[1]s.pfd.Netstats == (poll.NetstatsRecords{}) {
	return %[2]s
}
return netstatsClose(%[1]s, false)`, f.recv.name, f.stock())
}

// tellFinalizer has the finalizer call netstatsFinalize, which ends in the
// stock Close, where it called Close.
func tellFinalizer(p *patch, f *function, _ string) error {
	const want = "runtime.SetFinalizer(fd, (*netFD).Close)"
	call, ok := find(f.decl.Body, func(c *ast.CallExpr) bool { return p.text(c) == want })
	if !ok {
		return fmt.Errorf("has no call %s", want)
	}
	method, ok := call.Args[1].(*ast.SelectorExpr)
	if !ok {
		return fmt.Errorf("has no call %s", want)
	}
	p.replace(method.Sel.Pos(), method.Sel.End(), "netstatsFinalize")
	return nil
}

// tellCloseRead tells before: a read that waits returns as soon as it is done.
func tellCloseRead(p *patch, f *function, why string) error {
	const want = "func() error"
	if got := f.signature(); got != want {
		return shape(got, want)
	}
	return p.wrap(f, why, `
netstatsHalfClosed(%[1]s, netstatsReceive)
return %[2]s`, f.recv.name, f.stock())
}

// tellCloseWrite tells after, if it was done: it fails after a reset.
func tellCloseWrite(p *patch, f *function, why string) error {
	const want = "func() error"
	if got := f.signature(); got != want {
		return shape(got, want)
	}
	return p.wrap(f, why, `
err := %[2]s
if err == nil {
	netstatsHalfClosed(%[1]s, netstatsTransmit)
}
return err`, f.recv.name, f.stock())
}

func tellDial(p *patch, f *function, why string) error {
	const want = "func(context.Context, string, string) (Conn, error)"
	if got := f.signature(); got != want {
		return shape(got, want)
	}
	ctx, network, address := f.params[0].name, f.params[1].name, f.params[2].name
	return p.wrap(f, why, `
if !netstatsToldOfDials() || %[1]s == nil {
	return %[2]s
}
return netstatsDial(%[1]s, %[3]s, %[4]s, func(%[1]s context.Context) (Conn, error) {
	return %[2]s
})`, ctx, f.stock(), network, address)
}

func tellTypedDial(kind string) func(*patch, *function, string) error {
	return func(p *patch, f *function, why string) error {
		want := fmt.Sprintf("func(context.Context, *Dialer, string, *%[1]sAddr, *%[1]sAddr) (*%[1]sConn, error)", kind)
		if got := f.signature(); got != want {
			return shape(got, want)
		}
		ctx, network, raddr := f.params[0].name, f.params[2].name, f.params[4].name
		return p.wrap(f, why, `
if !netstatsToldOfDials() {
	return %[2]s
}
return netstatsDial(%[1]s, %[3]s, %[4]s.String(), func(%[1]s context.Context) (*%[5]sConn, error) {
	return %[2]s
})`, ctx, f.stock(), network, raddr, kind)
	}
}

// leaveProbes has the resolver ask for the source addresses of routes by dials
// of ours, which no hook is told of, where it used DialUDP as anybody does.
func leaveProbes(p *patch, f *function, _ string) error {
	const wantType, want = "func([]IPAddr) []netip.Addr", `DialUDP("udp", nil, &dst)`
	if got := f.signature(); got != wantType {
		return shape(got, wantType)
	}
	call, ok := find(f.decl.Body, func(c *ast.CallExpr) bool { return p.text(c) == want })
	if !ok {
		return fmt.Errorf("has no call %s", want)
	}
	if other, ok := find(f.decl.Body, func(id *ast.Ident) bool { return id != call.Fun && strings.Contains(strings.ToLower(id.Name), "dial") }); ok {
		return fmt.Errorf("has %s besides the call %s", other.Name, want)
	}
	p.replace(call.Fun.Pos(), call.Fun.End(), "netstatsProbeUDP")
	return nil
}
