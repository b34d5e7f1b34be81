// Package shadow makes folders that look like others, a GOROOT or a module
// cache, and have something of their own in one place. All else in them are
// symbolic links to the original.
//
// A folder's name is made from what is in it, and it is complete from the moment
// when it is there, so that processes can use one at the same time.
package shadow
