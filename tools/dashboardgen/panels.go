package main

// A panel is what is said of it here; where it is, and how Grafana writes it down, is
// worked out.
//
// Queries have short forms, which expand replaces: {C stands for the variables that
// choose a client's side, {J for those that choose a process; (S) for the labels of
// a server; [W] for the window of a rate; <name> for a limit of the alerts.
type panel struct {
	kind      string // stat, timeseries or table
	title     string
	about     string // what it tells, and what to make of it
	unit      string // Grafana's name of it
	width     int    // of 24
	height    int
	red       string // the name of the limit from which on a stat is red; "any" above 0
	alert     string // the alert that goes with it
	exemplars bool   // traces are shown as dots
	now       bool   // only the present is asked for, as it takes long
	bars      bool   // what is counted is drawn as bars, not as a line
	queries   []query
}

type query struct{ expr, legend string }

// one is a query whose series are all shown by a label.
func one(expr, legend string) []query { return []query{{expr, legend}} }

type section struct {
	title  string
	panels []panel
}

const (
	server    = "{{server_address}}:{{server_port}}"
	direction = "{{network_io_direction}}"
)

// Where nothing has failed there is no series of failures. What is 0 then is said to
// be so, as long as the programs report at all; otherwise there is no data.
const orZero = ` or 0 * max(netstats_distinct_server_limit{J})`

// Dials that were canceled have no result.
const (
	failedDials   = `rate(netstats_dial_duration_seconds_count{C,error_type!~"|canceled"}[W])`
	countedDials  = `rate(netstats_dial_duration_seconds_count{C,error_type!="canceled"}[W])`
	failedTLS     = `rate(netstats_tls_handshake_duration_seconds_count{C,error_type!~"|canceled"}[W])`
	countedTLS    = `rate(netstats_tls_handshake_duration_seconds_count{C,error_type!="canceled"}[W])`
	failedLookups = `rate(dns_lookup_duration_seconds_count{J,error_type!~"|canceled"}[W])`
	lookups       = `rate(dns_lookup_duration_seconds_count{J,error_type!="canceled"}[W])`
	closed        = `rate(netstats_client_connection_closed_total{C}[W])`
	resets        = `rate(netstats_client_connection_closed_total{C,netstats_connection_close_reason="reset"}[W])`
	retransmits   = `rate(netstats_client_tcp_retransmits_total{C}[W])`
	transmitted   = `rate(netstats_client_io_bytes_total{C,network_io_direction="transmit",network_transport="tcp"}[W])`
	moved         = `rate(netstats_client_io_bytes_total{C}[W])`
	leaks         = `netstats_client_connection_closed_total{C,netstats_connection_close_reason="leaked"}`
	lifetime      = `sum by (S) (rate(netstats_client_connection_duration_seconds_sum{C}[W])) / (sum by (S) (rate(netstats_client_connection_duration_seconds_count{C}[W])) > 0)`
	slowDials     = `histogram_quantile(0.95, sum by (le, S) (rate(netstats_dial_duration_seconds_bucket{C,error_type=""}[W]))) > 0`
	slowTLS       = `histogram_quantile(0.95, sum by (le, S) (rate(netstats_tls_handshake_duration_seconds_bucket{C,error_type=""}[W]))) > 0`
)

// share is how much of all is part; nothing at all is no share.
func share(part, all string) string {
	return `(sum(` + part + `)` + orZero + `) / (sum(` + all + `) > 0)` + orZero
}

// withTraces is the rate of a histogram's count. Exemplars are with the buckets: their
// highest is the count.
func withTraces(histogram, selector string) string {
	return `max without (le) (rate(` + histogram + `_bucket` + selector + `[W]))`
}

func sections() []section {
	return []section{
		{"Is something wrong?", answers()},
		{"Overview", overview()},
		{"Servers", servers()},
		{"TLS and DNS", security()},
		{"Network", network()},
		{"Server side", serverSide()},
		{"_OTHER", other()},
	}
}

// answers are numbers that should be small, in the order in which to look.
func answers() []panel {
	list := []panel{
		{
			title: "Servers that cannot be dialed", red: "any", unit: "none", alert: "NetstatsServerCannotBeDialed",
			about:   "Servers to which more dials fail than the alert allows. Failed dials by server, below, has their names.",
			queries: one(`count(sum by (S) (`+failedDials+`) / sum by (S) (`+countedDials+`) > <dial_failure_ratio>)`+orZero, ""),
		},
		{
			title: "Failed dials", red: "dial_failure_ratio", unit: "percentunit", alert: "NetstatsServerCannotBeDialed",
			about:   "Of all dials but the canceled ones.",
			queries: one(share(failedDials, countedDials), ""),
		},
		{
			title: "Slowest server to dial", red: "dial_seconds", unit: "s", alert: "NetstatsSlowDials",
			about:   "One dial in twenty to it takes longer. DNS is in it, TLS is not.",
			queries: one(`max(`+slowDials+`)`+orZero, ""),
		},
		{
			title: "Failed TLS handshakes", red: "tls_failure_ratio", unit: "percentunit", alert: "NetstatsTLSFailing",
			about:   "Of all handshakes but the canceled ones. An expired certificate is seen here, and in no failed dial.",
			queries: one(share(failedTLS, countedTLS), ""),
		},
		{
			title: "Failed DNS lookups", red: "any", unit: "percentunit",
			about:   "Of all lookups but the canceled ones, of any server.",
			queries: one(share(failedLookups, lookups), ""),
		},
		{
			title: "Leaked connections", now: true, red: "leaks", unit: "none", alert: "NetstatsConnectionsLeak",
			about:   "Dropped without Close, in the time range shown. They were open until the garbage collector found them.",
			queries: one(`sum((`+leaks+` unless `+leaks+` offset $__range) or increase(`+leaks+`[$__range]))`+orZero, ""),
		},
		{
			title: "More connections an hour", now: true, red: "growth_per_hour", unit: "none", alert: "NetstatsConnectionsGrow",
			about:   "By how many the open ones grow, over the last hour, in the process where they grow most.",
			queries: one(`max(3600 * deriv(sum by (job, instance) (netstats_client_connection_count{C})[1h:1m]))`, ""),
		},
		{
			title: "Resets", red: "reset_ratio", unit: "percentunit", alert: "NetstatsConnectionsReset",
			about:   "Of the connections that ended.",
			queries: one(share(resets, closed), ""),
		},
		{
			title: "Servers without reuse", red: "any", unit: "none", alert: "NetstatsNoReuse",
			about:   "Connections to them end often, each after a short time: a pool is missing, or too small, or bodies are not read to their end.",
			queries: one(`count((sum by (S) (`+closed+`) > <short_lived_rate>) and (`+lifetime+` < <short_lived_seconds>))`+orZero, ""),
		},
		{
			title: "Retransmits for each MB sent", red: "retransmits_per_megabyte", unit: "none", alert: "NetstatsRetransmits",
			about:   "Segments that the kernel sent again. They are known when a connection ends, and at marks. Linux only.",
			queries: one(`1e6 * sum(`+retransmits+`) / (sum(`+transmitted+`) > 0)`+orZero, ""),
		},
		{
			title: "Cap on servers", red: "server_cap_ratio", unit: "percentunit", alert: "NetstatsServerCapReached",
			about:   "How much of it is used, in the process that uses most. Past it, new servers are counted together as _OTHER.",
			queries: one(`max(netstats_distinct_server_count{J} / netstats_distinct_server_limit{J})`, ""),
		},
		{
			title: "Processes", unit: "none",
			about:   "How many report. If there are none, nothing on this page says that all is well.",
			queries: one(`count(netstats_distinct_server_limit{J})`, ""),
		},
	}
	for i := range list {
		list[i].kind, list[i].width, list[i].height = "stat", 4, 4
	}
	return list
}

func overview() []panel {
	return series(
		panel{
			title: "Open connections", unit: "none",
			about:   "By process.",
			queries: one(`sum by (job, instance) (netstats_client_connection_count{C})`, "{{job}} {{instance}}"),
		},
		panel{
			title: "Traffic", unit: "Bps",
			about:   "What reads and writes have moved. Over TLS these bytes are encrypted ones.",
			queries: one(`sum by (network_io_direction) (`+moved+`)`, direction),
		},
		panel{
			title: "Dials", unit: "ops", bars: true,
			about: "Succeeded, failed, and canceled by the program itself.",
			queries: []query{
				{`sum(rate(netstats_dial_duration_seconds_count{C,error_type=""}[W]))`, "succeeded"},
				{`sum(` + failedDials + `)` + orZero, "failed"},
				{`sum(rate(netstats_dial_duration_seconds_count{C,error_type="canceled"}[W]))` + orZero, "canceled"},
			},
		},
		panel{
			title: "Connections that ended", unit: "ops", bars: true,
			about:   "By reason: local means that this side closed it, remote that the peer had done so before.",
			queries: one(`sum by (netstats_connection_close_reason) (`+closed+`)`, "{{netstats_connection_close_reason}}"),
		},
		panel{
			title: "Time to dial", unit: "s", exemplars: true,
			about: "Of dials that succeeded. Each dot is the trace of one dial.",
			queries: []query{
				{`histogram_quantile(0.5, sum by (le) (rate(netstats_dial_duration_seconds_bucket{C,error_type=""}[W]))) > 0`, "half are faster"},
				{`histogram_quantile(0.95, sum by (le) (rate(netstats_dial_duration_seconds_bucket{C,error_type=""}[W]))) > 0`, "19 in 20 are faster"},
			},
		},
		panel{
			title: "Dials under way", unit: "none",
			about:   "The highest number that was seen. Many at a time are a pool that fills, or a server that does not answer.",
			queries: one(`sum by (job, instance) (max_over_time(netstats_dial_active{C}[W]))`, "{{job}} {{instance}}"),
		},
	)
}

func servers() []panel {
	table := panel{
		kind: "table", title: "All servers", width: 24, height: 9,
		about: "As they are now, one line each.",
		queries: []query{
			{`sum by (S) (netstats_client_connection_count{C})`, "open"},
			{`sum by (S) (rate(netstats_dial_duration_seconds_count{C}[W]))`, "dials/s"},
			{`(sum by (S) (` + failedDials + `) or 0 * sum by (S) (` + countedDials + `)) / (sum by (S) (` + countedDials + `) > 0)`, "failed dials"},
			{slowDials, "time to dial (19 in 20)"},
			{`sum by (S) (rate(netstats_client_io_bytes_total{C,network_io_direction="receive"}[W]))`, "received"},
			{`sum by (S) (rate(netstats_client_io_bytes_total{C,network_io_direction="transmit"}[W]))`, "sent"},
			{lifetime, "lifetime"},
		},
	}
	return append([]panel{table}, series(
		panel{
			title: "Open connections by server", unit: "none",
			about:   "The ten servers with most.",
			queries: one(`topk(10, sum by (S) (netstats_client_connection_count{C}))`, server),
		},
		panel{
			title: "Traffic by server", unit: "Bps",
			about:   "Both directions, of the ten servers with most.",
			queries: one(`topk(10, sum by (S) (`+moved+`)) > 0`, server),
		},
		panel{
			title: "Failed dials by server", unit: "ops", bars: true, exemplars: true,
			about:   "With the reason. That of a name which does not exist is host_not_found. Each dot is the trace of one.",
			queries: one(`sum by (S, error_type) (`+withTraces("netstats_dial_duration_seconds", `{C,error_type!~"|canceled"}`)+`) > 0`, server+" {{error_type}}"),
		},
		panel{
			title: "Time to dial by server", unit: "s", exemplars: true,
			about:   "19 in 20 dials are faster. The ten slowest servers.",
			queries: one(`topk(10, `+slowDials+`)`, server),
		},
		panel{
			title: "Connections that ended, by server", unit: "ops",
			about:   "Many of them are churn: each costs a dial, and usually a handshake.",
			queries: one(`topk(10, sum by (S) (`+closed+`)) > 0`, server),
		},
		panel{
			title: "Lifetime by server", unit: "s",
			about:   "The mean, of connections that ended. The open ones are not in it.",
			queries: one(lifetime, server),
		},
		panel{
			title: "Ended with an error, by server", unit: "ops", bars: true, exemplars: true,
			about:   "The error that was the last thing seen of the connection. Each dot is the trace of one.",
			queries: one(`sum by (S, error_type) (`+withTraces("netstats_client_connection_duration_seconds", `{C,error_type!=""}`)+`) > 0`, server+" {{error_type}}"),
		},
		panel{
			title: "Bytes per connection", unit: "bytes",
			about:   "Traffic for each connection that ended. Little of it, beside many that end, is a connection for each request.",
			queries: one(`sum by (S) (`+moved+`) / (sum by (S) (`+closed+`) > 0) > 0`, server),
		},
		panel{
			title: "Open but silent", unit: "none",
			about:   "Open connections to servers with which nothing is exchanged: idle pools, and what was forgotten.",
			queries: one(`(sum by (S) (netstats_client_connection_count{C}) > 0) unless (sum by (S) (`+moved+`) > 0)`, server),
		},
	)...)
}

func security() []panel {
	return series(
		panel{
			title: "Time of TLS handshakes", unit: "s", exemplars: true,
			about:   "19 in 20 are faster. The ten slowest servers.",
			queries: one(`topk(10, `+slowTLS+`)`, server),
		},
		panel{
			title: "Failed TLS handshakes by server", unit: "ops", bars: true, exemplars: true,
			about:   "With the reason, such as certificate_expired. Each dot is the trace of one.",
			queries: one(`sum by (S, error_type) (`+withTraces("netstats_tls_handshake_duration_seconds", `{C,error_type!~"|canceled"}`)+`) > 0`, server+" {{error_type}}"),
		},
		panel{
			title: "TLS versions", unit: "ops",
			about:   "Of handshakes that succeeded.",
			queries: one(`sum by (tls_protocol_version) (rate(netstats_tls_handshake_duration_seconds_count{C,error_type=""}[W]))`, "TLS {{tls_protocol_version}}"),
		},
		panel{
			title: "Time of DNS lookups", unit: "s", exemplars: true,
			about:   "19 in 20 are faster, of those that succeeded. The ten slowest names, of any server.",
			queries: one(`topk(10, histogram_quantile(0.95, sum by (le, dns_question_name) (rate(dns_lookup_duration_seconds_bucket{J,error_type=""}[W]))) > 0)`, "{{dns_question_name}}"),
		},
		panel{
			title: "Failed DNS lookups by name", unit: "ops", bars: true,
			about:   "host_not_found: there is no such name. try_again, timeout: the resolver does not answer.",
			queries: one(`sum by (dns_question_name, error_type) (`+failedLookups+`) > 0`, "{{dns_question_name}} {{error_type}}"),
		},
		panel{
			title: "DNS lookups", unit: "ops",
			about:   "By name. Package net keeps no names: each dial of a name asks anew.",
			queries: one(`topk(10, sum by (dns_question_name) (`+lookups+`))`, "{{dns_question_name}}"),
		},
	)
}

func network() []panel {
	return series(
		panel{
			title: "Retransmits by server", unit: "ops", bars: true,
			about:   "Segments that the kernel sent again, counted when a connection ends, and at marks. Linux only.",
			queries: one(`topk(10, sum by (S) (`+retransmits+`)) > 0`, server),
		},
		panel{
			title: "Round-trip time by server", unit: "s",
			about:   "The mean of what the kernel had when connections ended, and at marks. Linux only.",
			queries: one(`sum by (S) (rate(netstats_client_tcp_rtt_seconds_sum{C}[W])) / (sum by (S) (rate(netstats_client_tcp_rtt_seconds_count{C}[W])) > 0)`, server),
		},
		panel{
			title: "Packets", unit: "pps",
			about:   "Of packet connections, such as UDP.",
			queries: one(`sum by (network_io_direction) (rate(netstats_client_packet_count_total{C}[W]))`, direction),
		},
	)
}

func serverSide() []panel {
	return series(
		panel{
			title: "Open accepted connections", unit: "none",
			about:   "By what the listener is bound to.",
			queries: one(`sum by (S) (netstats_server_connection_count{J})`, server),
		},
		panel{
			title: "Accepted", unit: "ops",
			about: "A failed Accept is often too_many_open_files.",
			queries: []query{
				{`sum by (S) (rate(netstats_server_connection_accepted_total{J,error_type=""}[W]))`, server},
				{`sum by (S, error_type) (rate(netstats_server_connection_accepted_total{J,error_type!=""}[W]))`, server + " {{error_type}}"},
			},
		},
		panel{
			title: "Traffic of accepted connections", unit: "Bps",
			about:   "What reads and writes have moved.",
			queries: one(`sum by (network_io_direction) (rate(netstats_server_io_bytes_total{J}[W]))`, direction),
		},
		panel{
			title: "Accepted connections that ended", unit: "ops", bars: true,
			about:   "By reason.",
			queries: one(`sum by (netstats_connection_close_reason) (rate(netstats_server_connection_closed_total{J}[W]))`, "{{netstats_connection_close_reason}}"),
		},
		panel{
			title: "Lifetime of accepted connections", unit: "s",
			about:   "The mean, of those that ended.",
			queries: one(`sum by (S) (rate(netstats_server_connection_duration_seconds_sum{J}[W])) / (sum by (S) (rate(netstats_server_connection_duration_seconds_count{J}[W])) > 0)`, server),
		},
		panel{
			title: "Retransmits to clients", unit: "ops", bars: true,
			about:   "Segments that the kernel sent again. Linux only.",
			queries: one(`sum by (S) (rate(netstats_server_tcp_retransmits_total{J}[W]))`, server),
		},
	)
}

func other() []panel {
	return series(
		panel{
			title: "Servers told apart", unit: "none",
			about: "Past the cap, new ones are counted together as _OTHER, until the process starts anew.",
			queries: []query{
				{`max by (job, instance) (netstats_distinct_server_count{J})`, "{{job}} {{instance}}"},
				{`max(netstats_distinct_server_limit{J})`, "cap"},
			},
		},
		panel{
			title: "Dials of _OTHER", unit: "ops",
			about:   "To servers past the cap, and to names that never answered once there are many of them.",
			queries: one(`sum(rate(netstats_dial_duration_seconds_count{J,server_address="_OTHER"}[W]))`+orZero, "_OTHER"),
		},
		panel{
			title: "Traffic of _OTHER", unit: "Bps",
			about:   "With servers past the cap.",
			queries: one(`sum(rate(netstats_client_io_bytes_total{J,server_address="_OTHER"}[W]))`+orZero, "_OTHER"),
		},
	)
}

// series are panels that show how things went, three in a line.
func series(list ...panel) []panel {
	for i := range list {
		list[i].kind, list[i].width, list[i].height = "timeseries", 8, 8
	}
	return list
}
