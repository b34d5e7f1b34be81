package auto

import (
	"cmp"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"
)

// A report is what the summary shows. Rows are there if connections are few.
type report struct {
	Rows     []row
	Servers  []server
	Total    *group
	Failures []failures
}

type server struct {
	place
	*group
}

// failures are the failed dials of a server.
type failures struct {
	Server  string
	Count   int
	Reasons tally
}

// newReport puts the largest first.
func newReport(rows []row, servers map[place]*group, total *group, failed map[failure]int) *report {
	r := &report{Rows: rows, Total: total}
	slices.SortFunc(r.Rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(b.Received+b.Sent, a.Received+a.Sent), cmp.Compare(a.Server, b.Server), cmp.Compare(a.Direction, b.Direction), cmp.Compare(b.Age, a.Age))
	})
	for at, g := range servers {
		r.Servers = append(r.Servers, server{at, g})
	}
	slices.SortFunc(r.Servers, func(a, b server) int {
		return cmp.Or(cmp.Compare(b.Received+b.Sent, a.Received+a.Sent), cmp.Compare(b.Connections, a.Connections), cmp.Compare(a.Server, b.Server), cmp.Compare(a.Direction, b.Direction))
	})
	r.Failures = gather(failed)
	return r
}

// gather puts the failures of one server together.
func gather(failed map[failure]int) []failures {
	byServer := make(map[string]failures)
	for f, n := range failed {
		g := byServer[f.Server]
		g.Server = f.Server
		g.Count += n
		if g.Reasons == nil {
			g.Reasons = make(tally)
		}
		g.Reasons[f.Reason] += n
		byServer[f.Server] = g
	}
	return slices.SortedFunc(maps.Values(byServer), func(a, b failures) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Server, b.Server))
	})
}

// failed is how many dials did.
func (r *report) failed() (n int) {
	for _, f := range r.Failures {
		n += f.Count
	}
	return n
}

// write writes the report in one piece, lest others write in between.
func (r *report) write(w io.Writer, f form) {
	var b strings.Builder
	if f == asJSON {
		r.writeJSON(&b)
	} else {
		r.writeTable(&b)
	}
	_, _ = io.WriteString(w, b.String()) // there is no other place to complain
}

// The JSON form: times in seconds, sizes in bytes.
type (
	jsonReport struct {
		Connections []jsonRow      `json:"connections,omitempty"`
		Servers     []jsonServer   `json:"servers"`
		Failures    []jsonFailures `json:"failures"`
		Total       jsonTotal      `json:"total"`
	}
	jsonRow struct {
		Server    string    `json:"server"`
		Direction direction `json:"direction"`
		Network   string    `json:"network"`
		Caller    string    `json:"opened_by"`
		Received  int64     `json:"received"`
		Sent      int64     `json:"sent"`
		Dial      jsonDial  `json:"dial"`
		Age       float64   `json:"age"`
		End       string    `json:"end"`
	}
	jsonServer struct {
		Server      string    `json:"server"`
		Direction   direction `json:"direction"`
		Connections int       `json:"connections"`
		Callers     tally     `json:"opened_by"`
		Received    int64     `json:"received"`
		Sent        int64     `json:"sent"`
		Dial        jsonDial  `json:"dial_mean"`
		Age         float64   `json:"age_max"`
		Ends        tally     `json:"ends"`
	}
	jsonDial struct {
		Total   float64 `json:"total"`
		DNS     float64 `json:"dns"`
		Connect float64 `json:"connect"`
	}
	jsonFailures struct {
		Server  string `json:"server"`
		Reasons tally  `json:"reasons"`
	}
	jsonTotal struct {
		Connections int   `json:"connections"`
		Accepted    int   `json:"accepted"`
		Received    int64 `json:"received"`
		Sent        int64 `json:"sent"`
		FailedDials int   `json:"failed_dials"`
	}
)

func (t timing) json() jsonDial {
	return jsonDial{t.Total.Seconds(), t.DNS.Seconds(), t.Connect.Seconds()}
}

func (r *report) writeJSON(w io.Writer) {
	out := jsonReport{
		Servers:  []jsonServer{},
		Failures: []jsonFailures{},
		Total:    jsonTotal{r.Total.Connections, r.Total.Accepted, r.Total.Received, r.Total.Sent, r.failed()},
	}
	for _, c := range r.Rows {
		out.Connections = append(out.Connections, jsonRow{c.Server, c.Direction, c.Network, c.Caller, c.Received, c.Sent, c.Dial.json(), c.Age.Seconds(), c.End})
	}
	for _, s := range r.Servers {
		out.Servers = append(out.Servers, jsonServer{s.Server, s.Direction, s.Connections, s.Callers, s.Received, s.Sent, s.mean().json(), s.Age.Seconds(), s.Ends})
	}
	for _, f := range r.Failures {
		out.Failures = append(out.Failures, jsonFailures{f.Server, f.Reasons})
	}
	_ = json.NewEncoder(w).Encode(out) // a strings.Builder takes it
}
