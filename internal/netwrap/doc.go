// Package netwrap wraps network connections so that everything they move is
// counted in a [connstat.Record], and so that nothing else about them changes.
//
// A wrapper of one of package net's connections has exactly its methods, and
// NetConn. What the standard library does with system calls that skip user
// space (sendfile, splice, writev) it still does, and the bytes are counted
// while they move. What cannot be kept:
//
//   - A type assertion to *net.TCPConn and the like fails.
//   - net.Buffers become several writes on everything but Linux TCP. On
//     connections that keep message boundaries this makes several messages of
//     one.
//   - A unix connection has methods called ReadFrom and WriteTo that are not
//     those of package io. So package net and package os copy between it and
//     an untracked TCP connection, or a file, without asking it; they do not
//     find its descriptor and copy through memory. So do they from a wrapper
//     behind an [io.LimitedReader] to a file or an untracked connection.
//   - What is done with the descriptor that File duplicates, or that
//     SyscallConn's RawConn passes to a func, is not seen.
package netwrap
