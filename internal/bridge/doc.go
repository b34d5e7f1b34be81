// Package bridge is where the library and the standard library of a capture
// build meet.
//
// A capture build compiles a package net that calls [Hooks]. Such a package
// cannot import this module, so the two meet in the linker: both declare the
// variables of symbols.go under the same names. Here they have no value; the
// linker gives them the value that package net has for them. In an ordinary
// build there is only this side, and they stay zero. So no build tag and no
// missing symbol is involved, and a program links the same way in both builds.
//
// The package imports the standard library and connstat only.
package bridge
