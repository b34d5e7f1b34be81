package otelnetstats

import (
	"context"
	"net"
	"syscall"
	"testing"
)

func TestPristine(t *testing.T) {
	control := func(string, string, syscall.RawConn) error { return nil }
	controlContext := func(context.Context, string, string, syscall.RawConn) error { return nil }
	var multipath net.Dialer
	multipath.SetMultipathTCP(true)
	for name, test := range map[string]struct {
		base ContextDialer
		want bool
	}{
		"none":            {nil, true},
		"zero":            {&net.Dialer{}, true},
		"with options":    {&net.Dialer{Timeout: 1, KeepAlive: 1}, true},
		"control":         {&net.Dialer{Control: control}, false},
		"control context": {&net.Dialer{ControlContext: controlContext}, false},
		"multipath":       {&multipath, false},
		"not net's":       {DialFunc(new(net.Dialer).DialContext), false},
	} {
		p, err := (&Dialer{Base: test.base}).plan(nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.pristine(); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
