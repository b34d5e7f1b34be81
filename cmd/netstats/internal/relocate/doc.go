// Package relocate copies Go packages, with all packages that they import, to
// other import paths.
//
// [Copy] reads the packages from where a [Modules] finds them: the folders of a
// module and of the modules that it requires. All files for all systems come
// along, so that one copy serves every build. A copy whose paths begin with an
// element without a dot can be part of the standard library, where it needs no
// go.mod; it is compiled in the language of the Go release at hand.
package relocate
