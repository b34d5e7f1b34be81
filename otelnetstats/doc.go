// Package otelnetstats instruments network connections for OpenTelemetry: which
// are open, to whom, how many bytes each has moved and in which phase of the
// work, how long it took to set up, and why it ended.
//
// It works below the libraries that use the connections. Whatever takes a dial
// function, a [net.Conn] or a [net.Listener] can be given a tracked one, which
// behaves as the one within it.
//
// # Plugging in
//
// [WrapDial] takes the dial function that a library has, and returns one whose
// connections are tracked:
//
//	options.DialContext = otelnetstats.WrapDial(options.DialContext)
//
// For net/http there is [NewTransport], which knows of requests and of the pool, too:
//
//	client := &http.Client{Transport: otelnetstats.NewTransport(nil)}
//
// That is all where the global providers are set: it uses [Default]. A [Tracker]
// of its own, made by [New], has other providers, callbacks, attributes and
// limits, a WrapDial and a Transport. There are also
//
//   - [Dialer], which goes where a [net.Dialer] goes, and has a name;
//   - [Dialer.TLS], which dials and does the TLS handshake, so that it is timed;
//     what it returns is a *tls.Conn on top of the tracked connection;
//   - [Tracker.Listener], for connections that are accepted;
//   - [Tracker.Register] and [Tracker.RegisterPacketConn], for a connection that
//     exists already, a UDP socket among them;
//   - [WithFilter] and [ContextWithoutTracking], for what is better left alone.
//
// TLS goes on top of a tracked connection, never below it: libraries look for
// the very type *tls.Conn.
//
// # Asking
//
// [StatsOf] returns the numbers of a connection at any time, also after Close.
// [Lookup] returns its record, a [Conn], which also knows how it came about
// ([Conn.Setup]) and why it ended. Both take the tracked connection, and
// what lies on top of it if that has a NetConn method, as *tls.Conn has.
// [Tracker.Conns] lists the open ones. [Reset] begins to count anew, for these
// functions, marks and callbacks; exported metrics and spans never go back.
//
// # Marks
//
// [Mark] names a point of a connection's life, such as the end of a login. It
// returns the [Lap]: the bytes and the time since the latest of open, previous
// mark and reset. A mark is kept in [Stats], told to callbacks, and an event on
// the connection's span, tied by links to the span in its context. On a
// connection that requests share, as with HTTP/2, a lap counts what all of them
// moved.
//
// # Callbacks
//
// A [Callback], given by [WithCallback], is told when a connection opens, is
// marked and closes, and of dials that fail. An [IOCallback] is told of each
// read and write as well.
//
// # Metrics
//
// Those of connections and dials have network.transport, server.address,
// server.port, netstats.dialer.name where the dialer has a name, and what
// [WithMetricAttributes] adds; those of connections have network.type where there
// is an IP address. Those marked d have network.io.direction, those marked e have
// error.type on failure, that marked r has netstats.connection.close.reason. A
// client's server is what was dialed, its name not resolved; a server's is what its
// listener is bound to. Metrics never have a peer's address. Those of HTTP, which
// [Transport] makes, are by server.address, server.port and netstats.dialer.name; that
// marked s has http.connection.state, that marked u netstats.http.connection.reused.
//
//	netstats.client.io, netstats.server.io                  counter, By             d
//	netstats.client.connection.count, ….server.…            up-down counter, {connection}
//	netstats.client.connection.closed, ….server.…           counter, {connection}   r
//	netstats.client.connection.duration, ….server.…         histogram, s            e
//	netstats.client.packet.count, ….server.…                counter, {packet}       d
//	netstats.client.tcp.retransmits, ….server.…             counter, {segment}
//	netstats.client.tcp.rtt, ….server.…                     histogram, s
//	netstats.server.connection.accepted                     counter, {connection}   e
//	netstats.dial.duration, without TLS                     histogram, s            e
//	netstats.dial.active                                    up-down counter, {dial}
//	netstats.tls.handshake.duration                         histogram, s            e
//	dns.lookup.duration, with dns.question.name             histogram, s            e
//	http.client.open_connections                            up-down counter, {connection}  s
//	http.client.connection.duration, if asked for           histogram, s
//	netstats.http.client.connection.pending_requests        up-down counter, {request}
//	netstats.http.client.connection.wait_time               histogram, s            e
//	netstats.http.client.requests                           counter, {request}      u
//	netstats.distinct_server.count                          up-down counter, {server}
//	netstats.distinct_server.limit                          up-down counter, {server}
//
// After 200 distinct servers (see [WithMaxServers]), all others are counted
// together, as server.address _OTHER without a port. One server has at most four
// sets of attributes for its connections, and for its dials; what would be a
// fifth is counted there, too. The last two metrics say how near the cap is.
//
// # Spans
//
//   - “dial host:port” is a child of the span in the dial's context. Its events
//     are netstats.dns, netstats.connect (one for each address tried) and, with
//     [Dialer.TLS], netstats.tls.
//   - “connection host:port” lasts from open to close, and is the root of a trace
//     of its own, linked to the dial. A pooled connection outlives the request
//     that dialed it, and must not stretch that request's trace; see
//     [WithConnectionSpan] for other ways. Its events are netstats.connection.open,
//     .read, .write, .mark and .close, and netstats.tls with [Transport]. Calls in one direction with none in the
//     other between them are one event; of many, the first 24 and the last 24 are
//     kept, with the first 8 and the last 24 marks, and attributes say what was
//     left out.
//
// A span is exported when it has ended. That of a connection which is open for long
// is therefore made in parts, all in one trace: the first ends within a minute, the
// others after ten, or what [WithMaxSpanAge] says. Each part has the bytes and the
// events of its time; the last one also has how the connection ended and what it
// moved in all. What is open now is in [Tracker.Conns].
//
// # Log events
//
// With a LoggerProvider, given by package
// [github.com/netstats-go/netstats/otelnetstats/netstatslog], a connection's open,
// marks and close, and dials that fail, are log events as well, at once.
// [WithSpanEvents] can leave the events of spans out.
//
// error.type is one of timeout, canceled, host_not_found, try_again,
// connection_refused, connection_reset, broken_pipe, network_unreachable,
// host_unreachable, address_in_use, address_not_available, access_denied,
// too_many_open_files and leaked, of TLS handshakes certificate_expired,
// certificate_unknown_authority, certificate_name_mismatch, certificate_invalid,
// not_tls, tls_alert and eof, or else what the error's method ErrorType says, or its
// type. The end of a stream is no error of a connection. Nothing of what is read or
// written is recorded.
//
// # Sampling
//
// A connection's span is the root of a trace, so it is sampled on its own: where one
// trace in ten is kept, one connection in ten is, whichever request dialed it. Links
// are only made between spans that are sampled, so none leads nowhere. A sampler sees
// the link to the dial when the span of the connection starts, and can keep the
// connections of those requests that were kept: see the example of
// [WithConnectionSpan]. With [ConnectionSpanChild] this happens by itself.
//
// # Shutting down
//
// Close what can be closed, then call [Tracker.Shutdown], which ends the spans of
// what is still open, and then shut down the MeterProvider and the TracerProvider.
// A span that ends after its provider is lost.
//
// # Capture builds
//
// For libraries without a dial hook, a program can be built by `go tool netstats
// build` in place of `go build`: package net itself then tells of connections,
// and [Tracker.Capture] has every one tracked that the process opens. Connections
// keep their types, and the functions of this package take them as they are. In
// an ordinary build, Capture returns [ErrNotCaptureBuild].
//
// # What is not counted
//
//   - Connections that nothing of this package has seen: those that a library
//     opens by itself, and the name lookups of package net among them.
//   - What is moved by other means than the connection's methods: through the
//     descriptor that File duplicates, or in a func given to the RawConn of
//     SyscallConn.
//   - What the kernel adds: headers and retransmissions. Bytes are those that
//     read and write calls returned; with TLS on top, they are the encrypted ones.
//
// A tracked connection has the methods of the one within it, and NetConn, which
// returns that one. Still, an assertion to *net.TCPConn and the like fails, a tracked
// listener has no AcceptTCP or AcceptUnix, and a library that reads around a
// *net.UDPConn, as quic-go does, is not seen. On Linux, sendfile, splice and, on
// TCP, writev go on working and are counted; the bytes of writev are learned from
// the kernel at the next [StatsOf], [Mark], collection or close. Elsewhere
// [net.Buffers] are written one by one.
package otelnetstats
