// Package verify tests what a capture build does, hook by hook and byte by
// byte, without the library on top of it: the tests install hooks of their own.
// They are skipped unless run by
//
//	netstats test ./internal/verify
package verify
