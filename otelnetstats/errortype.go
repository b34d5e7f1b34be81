package otelnetstats

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"reflect"

	"github.com/netstats-go/netstats/internal/neterr"
)

// Values of error.type beside those of package neterr.
const (
	errorHostNotFound     = "host_not_found"
	errorTryAgain         = "try_again"
	errorExpired          = "certificate_expired"
	errorUnknownAuthority = "certificate_unknown_authority"
	errorNameMismatch     = "certificate_name_mismatch"
	errorBadCertificate   = "certificate_invalid"
	errorNotTLS           = "not_tls"
	errorAlert            = "tls_alert"
	errorEOF              = "eof"
)

// errorType is error.type. The type of an error alone would be *net.OpError with
// nearly everything, so this package's own values come first:
//
//	timeout canceled host_not_found try_again connection_refused
//	connection_reset broken_pipe network_unreachable host_unreachable
//	address_in_use address_not_available access_denied too_many_open_files
//	certificate_expired certificate_unknown_authority certificate_name_mismatch
//	certificate_invalid not_tls tls_alert eof leaked
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
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errorEOF
	}
	if name := tlsErrorType(err); name != "" {
		return name
	}
	return clean(typeName(err), maxName)
}

// tlsErrorType names what goes wrong in handshakes. It is empty for other errors.
func tlsErrorType(err error) string {
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired {
		return errorExpired // or not valid yet
	}
	switch {
	case isA[x509.UnknownAuthorityError](err):
		return errorUnknownAuthority
	case isA[x509.HostnameError](err):
		return errorNameMismatch
	case isA[*tls.CertificateVerificationError](err):
		return errorBadCertificate
	case isA[tls.RecordHeaderError](err):
		return errorNotTLS
	}
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "remote error" {
		return errorAlert // which package tls has no exported type for
	}
	return ""
}

// isA reports whether an error of type E is in err's chain.
func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
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
