package lab

// A Recipe says what is known of a library, whatever is done with it. The tests
// hold it, and docs/clients.md is made from it.
type Recipe struct {
	// Library is what people call it, and Module its path, which is empty for the
	// standard library.
	Library, Module string
	// Server is what it is run against. One that is no real server says so.
	Server string
	// Address is what server.address has of a name that the library is given.
	Address Address
	// Parent says whether dial spans are children of the caller's span.
	Parent Parent
	// Caller is what [otelnetstats.Conn.Caller] says of its connections, in a
	// capture build. Where the hook is a function of the program, a wrapped
	// connection has the program's package instead. Several are separated by a
	// comma.
	Caller string
}

// An Address is what server.address has of a name that a library is given.
type Address string

// A library dials the name, or looks it up by itself and dials what it found; of some,
// the hook knows the name.
const (
	Name   Address = "the name"
	IP     Address = "an IP address"
	Either Address = "the name, an IP address in a capture build"
)

// A Parent says whether dial spans are children of the caller's span.
type Parent string

// Some libraries dial in the call that needs a connection, some by themselves,
// and some do both.
const (
	Always    Parent = "yes"
	Sometimes Parent = "some"
	Never     Parent = "no"
)

// A Case is one of the things that are done with a library.
type Case struct {
	// Ends are the reasons for which its connections end, separated by commas. Each
	// has to be seen, and no other, but for those with a question mark.
	Ends string
	// Errors are the values of error.type on the connections' durations, likewise.
	Errors string
	// Direct is for connections that go past the relay, as the server names
	// addresses of its own. What they moved is compared with the system calls only.
	Direct bool
	// Untraced says why the system calls are not looked at, if they are not.
	Untraced string
}
