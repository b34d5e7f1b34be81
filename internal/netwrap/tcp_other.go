//go:build !linux

package netwrap

import (
	"io"
	"net"

	"github.com/netstats-go/netstats/internal/connstat"
)

func wrapTCP(c *net.TCPConn, rec *connstat.Record) net.Conn { return &plainTCPConn{c, rec} }

func wrapDialedTCP(c *net.TCPConn, rec *connstat.Record) net.Conn { return wrapTCP(c, rec) }

func wrapAcceptedTCP(c *net.TCPConn, rec *connstat.Record) net.Conn { return wrapTCP(c, rec) }

// Package net has splice, and package os sendfile, on Linux only.

func spliceFrom(*net.TCPConn, end, io.Reader, int64) (int64, bool, error) { return 0, false, nil }

func fastWriteTo(io.Writer, *net.TCPConn, end) (int64, bool, error) { return 0, false, nil }

func sendFileError(_ io.Reader, err error) error { return err }
