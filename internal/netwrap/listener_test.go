package netwrap_test

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/net/nettest"

	"github.com/netstats-go/netstats/internal/netwrap"
	"github.com/netstats-go/netstats/internal/testnet"
)

func TestListenerAcceptsByTheFunction(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		for name, wrap := range map[string]func(net.Listener) net.Listener{
			"own":     func(l net.Listener) net.Listener { return l },
			"foreign": func(l net.Listener) net.Listener { return struct{ net.Listener }{l} },
		} {
			t.Run(network+"/"+name, func(t *testing.T) {
				l, err := nettest.NewLocalListener(network)
				if err != nil {
					t.Fatal(err)
				}
				inner := wrap(l)
				rec := testnet.NewRecord()
				tracked := netwrap.Listener(inner, func(got net.Listener) (net.Conn, error) {
					if got != inner {
						t.Errorf("accepted from %v, want the inner listener", got)
					}
					c, err := got.Accept()
					if err != nil {
						return nil, err
					}
					return netwrap.Conn(c, &rec.Record), nil
				})
				client, err := net.Dial(network, tracked.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer client.Close()
				server, err := tracked.Accept()
				if err != nil {
					t.Fatal(err)
				}
				testnet.Send(t, client, []byte("hello"))
				testnet.Receive(t, server, make([]byte, 5))
				server.Close()
				rec.WantBytes(t, 5, 0)
				if d, ok := tracked.(interface{ SetDeadline(time.Time) error }); ok {
					testnet.Must(t, d.SetDeadline(past))
					if _, err := tracked.Accept(); !errors.Is(err, os.ErrDeadlineExceeded) {
						t.Errorf("Accept after the deadline returned %v", err)
					}
				}
				testnet.Must(t, tracked.Close())
				if _, err := tracked.Accept(); !errors.Is(err, net.ErrClosed) {
					t.Errorf("Accept after Close returned %v", err)
				}
			})
		}
	}
}
