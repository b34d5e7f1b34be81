package connz

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/netstats-go/netstats/internal/live"
)

func TestFilter(t *testing.T) {
	begin := time.Unix(1000, 0)
	i := &item{
		Identity: &live.Identity{
			ID: 7, Role: "client", Network: "tcp", Server: "API.example:443", Name: "main pool",
			Remote: live.Addr{IP: netip.MustParseAddrPort("192.0.2.7:443")},
			Origin: &live.Origin{Caller: "github.com/jackc/pgx/v5"},
			Opened: begin,
			Setup:  live.Setup{Total: 40 * time.Millisecond, TLS: &live.TLS{Version: "1.3", Protocol: "h2"}},
		},
		Numbers: live.Numbers{Received: live.Flow{Bytes: 2_000_000}, Sent: live.Flow{Bytes: 10}, Mark: "login", Marks: 2, Active: begin.Add(50 * time.Second)},
		at:      begin.Add(time.Minute),
		rates:   rates{received: 1000, known: true},
		tcp:     live.TCP{RTT: 60 * time.Millisecond, Retransmits: 3},
		asked:   true,
	}
	for s, want := range map[string]bool{
		"":                          true,
		"api":                       true,
		"API.EXAMPLE:443":           true,
		"pgx open":                  true,
		"pgx closed":                false,
		"-closed -pgx":              false,
		"server:api":                true,
		"server=api":                false,
		"server=api.example:443":    true,
		"peer:192.0.2":              true,
		"caller:pgx state:open":     true,
		"-state:open":               false,
		"protocol:h2 role:client":   true,
		`dialer:"main pool"`:        true,
		`"main pool"`:               true,
		`dialer:"main  pool"`:       false,
		"mark:login id=7":           true,
		"id=71":                     false,
		"rtt>50ms":                  true,
		"rtt<50ms":                  false,
		"rtt>=60ms rtt<=60ms":       true,
		"rtt>=0.06":                 true,
		"age>59s age<61":            true,
		"idle>9s idle<11s":          true,
		"setup>39ms":                true,
		"dns>0":                     false,
		"received>1.9MB":            true,
		"received>2M":               false,
		"received>=2000kB":          true,
		"rx>=1k rx<1001":            true,
		"rx>=1kB/s":                 true,
		"resent>2 marks>=2":         true,
		"localhost:8080":            false,
		"-":                         true,
		`"`:                         true,
		"foo>5":                     false,
		strings.Repeat("api ", 100): true,
	} {
		f, err := parseFilter(s)
		if err != nil {
			t.Errorf("%q: %v", s, err)
		} else if got := f.match(i); got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	}
	i.asked = false
	if f, _ := parseFilter("rtt<1h"); f.match(i) || !f.asksKernel() {
		t.Error("what the kernel did not say is compared")
	}
	for _, s := range []string{"rtt>", "rtt>x", "rtt:5", "received>1x", "received>", "age=5", strings.Repeat("x", maxFilter+1)} {
		if _, err := parseFilter(s); err == nil {
			t.Errorf("%q is understood", s)
		}
	}
}
