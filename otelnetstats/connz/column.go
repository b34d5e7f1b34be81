package connz

import (
	"cmp"
	"strings"
	"time"
)

// A column is what is told of each connection.
type column struct {
	name  string // in URLs
	title string
	help  string
	text  func(*item) string
	// compare orders by the column; nil if there is no order.
	compare func(a, b *item) int
	number  bool // shown to the right, and sorted with the largest first
	kernel  bool // the kernel is asked, for an order
}

// The columns of each state, and what of the page only.
var columns = map[string][]column{
	"open": {
		state, server, peer, protocol, caller,
		age("age", "Age", "since it was opened"),
		{name: "idle", title: "Idle", help: "since it was last found to have moved something", number: true, text: of((*item).idle), compare: by((*item).idle)},
		rtt, resent,
		{name: "rx", title: "Recv/s", help: "received in a second, since the last look", number: true, text: func(i *item) string { return i.rates.text(i.rates.received) }, compare: by(func(i *item) float64 { return i.rates.received })},
		{name: "tx", title: "Sent/s", help: "sent in a second, since the last look", number: true, text: func(i *item) string { return i.rates.text(i.rates.sent) }, compare: by(func(i *item) float64 { return i.rates.sent })},
		received, sent, activity, setup, mark,
	},
	"closed": {
		reason, server, peer, protocol, caller, when,
		age("age", "Lived", "from its opening to its end"),
		rtt, resent, received, sent, setup, mark,
	},
	"failed": {
		failure, server, caller, when,
		age("age", "Took", "from the start of the dial to its end"),
		setup,
		{name: "error", title: "Error", text: func(i *item) string { return i.error }, compare: by(func(i *item) string { return i.error })},
	},
}

var (
	state = column{name: "state", title: "State", kernel: true, text: (*item).state, compare: by((*item).state)}
	// reason and failure are what the state is of those that are over.
	reason  = column{name: "state", title: "Reason", help: "why it ended", text: (*item).state, compare: by((*item).state)}
	failure = column{name: "state", title: "Failed with", help: "error.type", text: (*item).state, compare: by((*item).state)}

	server   = column{name: "server", title: "Server", help: "as it was dialed; of accepted connections, the listener", text: serverText, compare: by(func(i *item) string { return i.Server })}
	peer     = column{name: "peer", title: "Peer", text: func(i *item) string { return i.Remote.String() }, compare: by(func(i *item) string { return i.Remote.String() })}
	protocol = column{name: "protocol", title: "Protocol", text: (*item).protocol, compare: by((*item).protocol)}
	caller   = column{name: "caller", title: "Caller", help: "the package that opened it", text: func(i *item) string { return i.Caller() }, compare: by(func(i *item) string { return i.Caller() })}

	rtt      = column{name: "rtt", title: "RTT", help: "round trip, as the kernel has it", number: true, kernel: true, text: rttText, compare: by(func(i *item) time.Duration { return i.tcp.RTT })}
	resent   = column{name: "resent", title: "Resent", help: "segments sent again, as the kernel has it", number: true, kernel: true, text: resentText, compare: by(func(i *item) int64 { return i.tcp.Retransmits })}
	received = column{name: "received", title: "Received", number: true, text: func(i *item) string { return byteCount(i.Received.Bytes) }, compare: by(func(i *item) int64 { return i.Received.Bytes })}
	sent     = column{name: "sent", title: "Sent", number: true, text: func(i *item) string { return byteCount(i.Sent.Bytes) }, compare: by(func(i *item) int64 { return i.Sent.Bytes })}
	activity = column{name: "activity", title: "Last 2 min", help: "received above, sent below, since it was first shown"}
	setup    = column{name: "setup", title: "Setup", help: "DNS, connect and TLS", number: true, text: setupText, compare: by(func(i *item) time.Duration { return i.Setup.Total })}
	mark     = column{name: "mark", title: "Last mark", text: func(i *item) string { return i.Mark }, compare: by(func(i *item) string { return i.Mark })}

	// when is how long ago it was over. The items' own time is that.
	when = column{name: "when", title: "Ended", help: "when it was over", number: true, text: func(i *item) string { return i.at.Local().Format("15:04:05") }, compare: func(a, b *item) int { return a.at.Compare(b.at) }}
)

func age(name, title, help string) column {
	return column{name: name, title: title, help: help, number: true, text: of((*item).age), compare: by((*item).age)}
}

func by[T cmp.Ordered](f func(*item) T) func(a, b *item) int {
	return func(a, b *item) int { return cmp.Compare(f(a), f(b)) }
}

func of(f func(*item) time.Duration) func(*item) string {
	return func(i *item) string { return duration(f(i)) }
}

// arrow shows which side opened the connection.
func (i *item) arrow() string {
	if i.Role == "server" {
		return "←"
	}
	return "→"
}

func serverText(i *item) string { return strings.TrimSpace(i.arrow() + " " + i.Server) }

func rttText(i *item) string {
	if !i.asked || i.tcp.RTT == 0 {
		return none
	}
	return duration(i.tcp.RTT)
}

func resentText(i *item) string {
	if !i.asked {
		return none
	}
	return count(i.tcp.Retransmits)
}

func setupText(i *item) string {
	if i.Setup.Total == 0 {
		return none
	}
	return duration(i.Setup.Total)
}

// columnOf is the column of that name, nil if the state has none.
func columnOf(state, name string) *column {
	for i := range columns[state] {
		if c := &columns[state][i]; c.name == name && c.compare != nil {
			return c
		}
	}
	return nil
}
