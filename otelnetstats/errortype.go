package otelnetstats

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"reflect"

	"github.com/netstats-go/netstats/internal/neterr"
)

// Values of error.type beside those of package neterr.
const (
	errorHostNotFound = "host_not_found"
	errorTryAgain     = "try_again"
)

// errorType is error.type. The type of an error alone would be *net.OpError with
// nearly everything, so this package's own values come first:
//
//	timeout canceled host_not_found try_again connection_refused
//	connection_reset broken_pipe network_unreachable host_unreachable
//	address_in_use address_not_available access_denied too_many_open_files
func errorType(err error) (name string) {
	defer func() {
		if recover() != nil { // of a method of the error's, which may be anybody's
			name = otherValue
		}
	}()
	switch {
	case errors.Is(err, context.Canceled):
		return neterr.Canceled
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return neterr.Timeout
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return dnsErrorType(dns)
	}
	if name := neterr.Type(err); name != "" {
		return name
	}
	if neterr.IsTimeout(err) {
		return neterr.Timeout
	}
	switch {
	case errors.Is(err, os.ErrPermission):
		return neterr.AccessDenied
	case errors.Is(err, io.ErrClosedPipe):
		return neterr.BrokenPipe
	}
	return clean(typeName(err), maxName)
}

// typeName is error.type as the conventions' Go packages have it: what the error
// says itself, or else its type.
func typeName(err error) string {
	if e, ok := errors.AsType[selfTyped](err); ok {
		if name := e.ErrorType(); name != "" {
			return name
		}
	}
	t := reflect.TypeOf(err)
	for t.Kind() == reflect.Pointer && t.Elem().PkgPath() == "fmt" { // of fmt.Errorf
		below := errors.Unwrap(err)
		if below == nil {
			break
		}
		err, t = below, reflect.TypeOf(below)
	}
	if t.PkgPath() != "" && t.Name() != "" {
		return t.PkgPath() + "." + t.Name()
	}
	return t.String()
}

type selfTyped interface {
	error
	ErrorType() string
}

func dnsErrorType(err *net.DNSError) string {
	switch {
	case err.IsTimeout:
		return neterr.Timeout
	case err.IsNotFound:
		return errorHostNotFound
	}
	return errorTryAgain
}
