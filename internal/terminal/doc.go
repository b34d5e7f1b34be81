// Package terminal makes text of others fit to be shown in a terminal.
//
// Names of servers, reasons of errors and the build information of a program
// are chosen by strangers. Raw, they could move the cursor, clear the screen,
// write from right to left, or go on in a line that looks like one of ours.
//
// The package imports the standard library only.
package terminal
