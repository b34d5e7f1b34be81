package verify

import "net/netip"

var tcpZero netip.AddrPort
