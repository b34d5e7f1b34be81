package overlay

import (
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strings"
)

// Every byte of every socket passes one of the functions edited here, once:
// package net has no other way to its sockets, and package os, which splices
// and sends files, uses these as well.

const pollPkg = "internal/poll"

// recordField is what type FD gets.
const recordField = "Netstats NetstatsRecords"

var pollSet = ruleSet{
	pkg:       pollPkg,
	rules:     append(rulesOf(pollFuncs), recordRule),
	inspect:   inspectPoll,
	inspected: []string{"*FD", " FD)"},
}

var recordRule = structRule{
	name: "FD", on: posix, extend: addRecordField,
	why: "a descriptor can point at its connection's record",
}

// pollFuncs are the functions that count, or help to.
var pollFuncs = slices.Concat(
	methods(unixes, "what is received is counted", countReceived,
		"Read", "ReadFrom", "ReadFromInet4", "ReadFromInet6", "ReadMsg", "ReadMsgInet4", "ReadMsgInet6"),
	methods(windows, "what is received is counted", countReceived,
		"Read", "ReadFrom", "ReadFromInet4", "ReadFromInet6", "ReadMsg", "ReadMsgInet4", "ReadMsgInet6"),
	methods(unixes, "what is sent is counted", countSent,
		"Write", "WriteTo", "WriteToInet4", "WriteToInet6", "WriteMsg", "WriteMsgInet4", "WriteMsgInet6", "Writev", "WriteOnce"),
	methods(windows, "what is sent is counted", countSent,
		"Write", "WriteTo", "WriteToInet4", "WriteToInet6", "WriteMsg", "WriteMsgInet4", "WriteMsgInet6", "Writev"),
	methods(posix, "a deadline that passed is known not to have ended a connection", countDeadline("deadlineSet()"), "SetDeadline", "SetReadDeadline"),
	methods(posix, "a deadline that passed is known to have ended a connection over TLS", countDeadline("writeDeadlineSet(%s)"), "SetWriteDeadline"),
	methods(unixes, "what a RawConn's callback receives is counted, where the system calls can be seen", countRaw("netstatsReceive"), "RawRead"),
	methods(unixes, "what a RawConn's callback sends is counted, where the system calls can be seen", countRaw("netstatsTransmit"), "RawWrite"),
	[]funcRule{
		{
			name: "sendFile", why: "what sendfile sends is counted, call by call",
			on:   []string{"linux", "android", "darwin", "ios", "freebsd", "dragonfly", "solaris", "illumos"},
			edit: countSendFile,
		},
		{name: "SendFile", on: windows, why: "what TransmitFile sends is counted", edit: countTransmitFile},
		{name: "spliceDrain", on: linux, why: "what splice takes from a socket is counted, call by call", edit: countSplice("addDrained")},
		{name: "splicePump", on: linux, why: "what splice gives to a socket is counted, call by call", edit: countSplice("addSent")},
	},
)

// uncounted are the exported methods of FD that are not counted, and of the
// other functions with a descriptor those that look as if they moved bytes: all
// there are on the systems above, in Go 1.26 and 1.27.
var uncounted = slices.Concat(
	// Sockets come and go.
	[]string{"Accept", "Close", "ConnectEx", "DisassociateIOCP", "Dup", "Init", "SetBlocking", "Shutdown", "WaitWrite", "acceptOne"},
	[]string{
		"GetsockoptInt", "SetsockoptByte", "SetsockoptIPMreq", "SetsockoptIPMreqn", "SetsockoptIPv6Mreq",
		"SetsockoptInet4Addr", "SetsockoptInt", "SetsockoptLinger", "WSAIoctl",
	},
	// For files alone.
	[]string{
		"Fchdir", "Fchmod", "Fchown", "Fstat", "Fstatat", "Fsync", "Ftruncate", "GetFileInformationByHandle", "GetFileType",
		"OpenDir", "Pread", "Pwrite", "ReadDirent", "Seek", "readConsole", "writeConsole",
	},
	[]string{"CopyFileRange", "copyFileRange"},
	// In terms of what is counted, or within it.
	[]string{"SendFile", "Splice", "execIO"},
	// What their callbacks do is not seen: on Windows, and in the first anywhere.
	[]string{"RawControl", "RawRead", "RawWrite"},
)

// methods are rules for methods of FD.
func methods(on []string, why string, edit func(*patch, *function, string) error, names ...string) []funcRule {
	rules := make([]funcRule, len(names))
	for i, name := range names {
		rules[i] = funcRule{recv: "FD", name: name, on: on, why: why, edit: edit}
	}
	return rules
}

// addRecordField puts the field last, so that the others keep their alignment
// on 32-bit systems, and on the line of the closing brace.
func addRecordField(p *patch, s *ast.StructType) {
	p.insert(s.Fields.Closing, "/* added by netstats */ "+recordField+"; ")
}

// eachRecord is a statement for each record that a descriptor may have: it runs
// do, where r is the record, if there is one and the condition holds.
func (p *patch) eachRecord(fd, condition, do string) string {
	var b strings.Builder
	for side := range p.sides {
		fmt.Fprintf(&b, "if r := %s.Netstats[%d]; r != nil%s {\n\t%s\n}\n", fd, side, condition, do)
	}
	return b.String()
}

func countReceived(p *patch, f *function, why string) error {
	condition := ""
	if f.name() == "Read" && len(f.params) == 1 {
		// Read(nil) does nothing, but for a packet connection a read of nothing
		// that succeeds is an empty packet.
		condition = " && len(" + f.params[0].name + ") > 0"
	}
	return count(p, f, why, f.recv.name, condition, "addReceived")
}

func countSent(p *patch, f *function, why string) error {
	return count(p, f, why, f.recv.name, "", "addSent")
}

// countDeadline makes the given call, in which %s stands for the deadline.
func countDeadline(call string) func(*patch, *function, string) error {
	return func(p *patch, f *function, why string) error {
		const want = "func(time.Time) error"
		if got := f.signature(); got != want {
			return shape(got, want)
		}
		return p.wrap(f, why, `
%sreturn %s`, p.eachRecord(f.recv.name, "", "r."+strings.ReplaceAll(call, "%s", f.params[0].name)), f.stock())
	}
}

func countSplice(method string) func(*patch, *function, string) error {
	return func(p *patch, f *function, why string) error {
		if got, want := f.signature(), f.splice(); got != want {
			return shape(got, want)
		}
		i := slices.IndexFunc(f.params, func(v variable) bool { return v.typ == "*FD" })
		return count(p, f, why, f.params[i].name, "", method)
	}
}

// splice is the signature expected of the two halves of a splice.
func (f *function) splice() string {
	if f.name() == "spliceDrain" {
		return "func(int, *FD, int) (int, error)"
	}
	return "func(*FD, int, int) (int, error)"
}

// count wraps a function whose first result is a number of bytes and whose
// last is an error.
func count(p *patch, f *function, why, fd, condition, method string) error {
	if n := len(f.results); n < 2 || f.results[0] != "int" && f.results[0] != "int64" || f.results[n-1] != "error" {
		return fmt.Errorf("is %s, where a number of bytes and an error among the results are expected", f.signature())
	}
	results := f.resultNames()
	list := strings.Join(results, ", ")
	do := fmt.Sprintf("r.%s(int64(%s), %s)", method, results[0], results[len(results)-1])
	return p.wrap(f, why, `
%s := %s
%sreturn %s`, list, f.stock(), p.eachRecord(fd, condition, do), list)
}

// countSendFile counts each part as it is sent, but tells of it, and of an
// error, at the end: whoever is told may use the connection, and so must not
// be while its lock is held.
func countSendFile(p *patch, f *function, why string) error {
	const want = "func(*FD, int, *int64, int64) (int64, error, bool)"
	if got := f.signature(); got != want {
		return shape(got, want)
	}
	add, ok := find(f.decl.Body, func(s *ast.AssignStmt) bool { return s.Tok == token.ADD_ASSIGN && p.text(s) == "written += int64(n)" })
	if !ok {
		return errors.New("has no statement written += int64(n)")
	}
	fd := f.params[0].name
	p.insert(add.End(), "; "+fd+".Netstats.sentPart(int64(n))")
	return p.wrap(f, why, `
netstats0, netstats1, netstats2 := %s
%sreturn netstats0, netstats1, netstats2`, f.stock(), p.eachRecord(fd, " && netstats2", "r.sentInParts(netstats0, netstats1)"))
}

func countTransmitFile(p *patch, f *function, why string) error {
	const want = "func(*FD, uintptr, int64) (int64, error, bool)"
	if got := f.signature(); got != want {
		return shape(got, want)
	}
	return p.wrap(f, why, `
netstats0, netstats1, netstats2 := %s
%sreturn netstats0, netstats1, netstats2`, f.stock(), p.eachRecord(f.params[0].name, " && netstats2", "r.addSent(netstats0, netstats1)"))
}

func countRaw(direction string) func(*patch, *function, string) error {
	return func(p *patch, f *function, why string) error {
		const want = "func(func(uintptr) bool) error"
		if got := f.signature(); got != want {
			return shape(got, want)
		}
		return p.wrap(f, why, `
if %[1]s.Netstats == (NetstatsRecords{}) {
	return %[2]s
}
raw := netstatsRaw{records: &%[1]s.Netstats, direction: %[4]s}
err := %[3]s
raw.done(err)
return err`, f.recv.name, f.stock(),
			f.stockCall("func(sysfd uintptr) bool { return raw.run(sysfd, "+f.params[0].name+") }"), direction)
	}
}

func shape(got, want string) error { return fmt.Errorf("is %s, where %s is expected", got, want) }

// inspectPoll looks for what the rules do not cover: functions that may move
// bytes and are not known, and counted functions that call each other, whose
// bytes would count twice.
func inspectPoll(p *patch) []error {
	if !p.compiledFor(posix) {
		return nil
	}
	var errs []error
	for _, d := range p.file.Decls {
		d, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		f := p.function(d)
		switch {
		case p.counts(f):
			errs = append(errs, p.nested(f)...)
		case f.moves() && !slices.Contains(uncounted, f.name()):
			errs = append(errs, fmt.Errorf("%s, in %s, is not known to netstats; it may move bytes of a connection", f.name(), p.name))
		}
	}
	return errs
}

// moves reports whether f may move bytes of a descriptor. Of the exported
// methods all may: there are not many, and what a new one is for, its types do
// not tell. Others may if they take bytes or return what may be a number of them.
func (f *function) moves() bool {
	method := strings.TrimPrefix(f.recv.typ, "*") == "FD"
	switch {
	case method && f.decl.Name.IsExported():
		return true
	case method || slices.ContainsFunc(f.params, func(v variable) bool { return strings.Contains(v.typ, "*FD") }):
		return slices.ContainsFunc(f.results, isNumber) || slices.ContainsFunc(f.params, hasBytes)
	}
	return false
}

// isNumber reports whether a type may be a number, whatever it is called.
func isNumber(typ string) bool {
	return typ != "error" && typ != "bool" && !strings.HasPrefix(typ, "*")
}

// hasBytes reports whether a parameter may be bytes, or where they are.
func hasBytes(v variable) bool { return bytesIn.MatchString(v.typ) }

var bytesIn = regexp.MustCompile(`byte|string|uintptr|unsafe\.Pointer|io\.`)

// counts reports whether a rule has f counted.
func (p *patch) counts(f *function) bool {
	return slices.ContainsFunc(pollFuncs, func(r funcRule) bool {
		return r.name == f.name() && r.recv == strings.TrimPrefix(f.recv.typ, "*") && p.compiledFor(r.on)
	})
}

// nested returns an error for each call of a counted function in f.
func (p *patch) nested(f *function) []error {
	var errs []error
	ast.Inspect(f.decl, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		for _, r := range pollFuncs {
			if p.compiledFor(r.on) && f.calls(call, r) {
				errs = append(errs, fmt.Errorf("%s, in %s, calls %s, so that bytes would be counted twice", f.name(), p.name, r.name))
				break
			}
		}
		return true
	})
	return errs
}

// calls reports whether a call in f is one of r's function.
func (f *function) calls(call *ast.CallExpr, r funcRule) bool {
	switch fun := call.Fun.(type) {
	case *ast.Ident:
		return r.recv == "" && fun.Name == r.name
	case *ast.SelectorExpr:
		x, ok := fun.X.(*ast.Ident)
		return ok && r.recv != "" && fun.Sel.Name == r.name && slices.ContainsFunc(append(f.params, f.recv), func(v variable) bool {
			return v.name == x.Name && v.typ == "*"+r.recv
		})
	}
	return false
}
