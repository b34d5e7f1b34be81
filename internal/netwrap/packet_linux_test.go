package netwrap_test

import (
	"testing"

	"github.com/netstats-go/netstats/internal/netwrap"
	"github.com/netstats-go/netstats/internal/testnet"
)

func TestUnixPacketsAreCounted(t *testing.T) {
	client, server := testnet.UnixPair(t, "unixpacket")
	crec, srec := testnet.NewPacketRecord(), testnet.NewPacketRecord()
	c, s := netwrap.Conn(client, &crec.Record), netwrap.Conn(server, &srec.Record)
	// Package net takes an empty packet for the end of the stream.
	exchangeSizes(t, crec, srec, []call{{"Write", c.Write}}, []call{{"Read", s.Read}}, 1, 1000)
	closeAll(t, c, s, crec, srec)
}
