package connz

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// local is the default guard. The name that is asked for must be a loopback one, as
// well as the address that asks: a page of another site whose name was made to lead
// here, by rebinding it, comes from the same browser.
func local(r *http.Request) (see, names bool) {
	see = loopbackPeer(r) && loopbackHost(r.Host) && sameSite(r) && !forwarded(r)
	return see, see
}

func loopbackPeer(r *http.Request) bool {
	if addr, ok := r.Context().Value(http.LocalAddrContextKey).(*net.UnixAddr); ok && addr != nil {
		return true
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && peer.Addr().Unmap().IsLoopback()
}

func loopbackHost(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.Unmap().IsLoopback()
}

// sameSite reports whether it is the page itself that asks, or nobody's page: a user
// who typed the address, or a program.
func sameSite(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return true
	}
	return false
}

func forwarded(r *http.Request) bool {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip"} {
		if len(r.Header[name]) > 0 {
			return true
		}
	}
	return false
}
