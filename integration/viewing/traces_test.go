package viewing

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A span is one as Jaeger's API has it.
type span struct {
	TraceID, SpanID, ParentSpanID id
	Name                          string
	Start                         nanos `json:"startTimeUnixNano"`
	End                           nanos `json:"endTimeUnixNano"`
	Attributes                    attributes
	Events                        []struct {
		Name       string
		Time       nanos `json:"timeUnixNano"`
		Attributes attributes
	}
	Links []struct {
		TraceID, SpanID id
	}
	Status struct {
		Code any // a name, or a number
	}
	DroppedAttributesCount, DroppedEventsCount, DroppedLinksCount int
}

// id is in hexadecimal, whatever the API has.
type id string

func (i *id) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	if _, err := hex.DecodeString(s); err != nil {
		raw, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return err
		}
		s = hex.EncodeToString(raw)
	}
	*i = id(s)
	return nil
}

// nanos is a number that JSON has as a string.
type nanos int64

func (n *nanos) UnmarshalJSON(b []byte) error {
	i, err := strconv.ParseInt(strings.Trim(string(b), `"`), 10, 64)
	*n = nanos(i)
	return err
}

// attributes are by name. Numbers are float64.
type attributes map[string]any

func (a *attributes) UnmarshalJSON(b []byte) error {
	var list []struct {
		Key   string
		Value map[string]any
	}
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	*a = attributes{}
	for _, kv := range list {
		for typ, v := range kv.Value {
			if s, ok := v.(string); ok && typ == "intValue" {
				n, err := strconv.ParseInt(s, 10, 64)
				if err != nil {
					return err
				}
				v = float64(n)
			}
			(*a)[kv.Key] = v
		}
	}
	return nil
}

// number is an attribute's, 0 if it is not there.
func (a attributes) number(name string) int64 {
	n, _ := a[name].(float64)
	return int64(n)
}

func (a attributes) text(name string) string {
	s, _ := a[name].(string)
	return s
}

func (s *span) failed() bool {
	return s.Status.Code == "STATUS_CODE_ERROR" || s.Status.Code == 2.
}

// answer is what the API has traces in.
type answer struct {
	Result struct {
		ResourceSpans []struct {
			ScopeSpans []struct{ Spans []*span }
		}
	}
}

func (a *answer) spans() (all []*span) {
	for _, r := range a.Result.ResourceSpans {
		for _, s := range r.ScopeSpans {
			all = append(all, s.Spans...)
		}
	}
	return all
}

// find searches as the UI does: by service and operation, in the last hour.
func (j *jaeger) find(t *testing.T, service, operation string, limit int) []*span {
	t.Helper()
	query := url.Values{
		"query.service_name":   {service},
		"query.start_time_min": {time.Now().Add(-time.Hour).Format(time.RFC3339Nano)},
		"query.start_time_max": {time.Now().Format(time.RFC3339Nano)},
		"query.num_traces":     {strconv.Itoa(limit)},
		"query.raw_traces":     {"true"},
	}
	if operation != "" {
		query.Set("query.operation_name", operation)
	}
	var a answer
	get(t, "http://"+j.query+"/api/v3/traces", query, &a)
	return a.spans()
}

// resolves reports whether a link leads to a span.
func (j *jaeger) resolves(t *testing.T, trace, to id) bool {
	t.Helper()
	var a answer
	if !get(t, "http://"+j.query+"/api/v3/traces/"+string(trace), url.Values{"raw_traces": {"true"}}, &a) {
		return false
	}
	for _, s := range a.spans() {
		if s.SpanID == to {
			return true
		}
	}
	return false
}

// named are the spans whose names begin with prefix.
func named(spans []*span, prefix string) (found []*span) {
	for _, s := range spans {
		if strings.HasPrefix(s.Name, prefix) {
			found = append(found, s)
		}
	}
	return found
}

// runs adds up the events of what a connection read or wrote.
func (s *span) runs(event string) (sum int64) {
	for _, e := range s.Events {
		if e.Name == event {
			sum += e.Attributes.number("netstats.io.size")
		}
	}
	return sum
}

// checkSums: what events say and what they leave out is what the span says.
func (s *span) checkSums(t *testing.T) {
	t.Helper()
	for direction, event := range map[string]string{"receive": "netstats.connection.read", "transmit": "netstats.connection.write"} {
		sum := s.runs(event) + s.Attributes.number("netstats."+direction+".suppressed.size")
		if want := s.Attributes.number("netstats." + direction + ".size"); sum != want {
			t.Errorf("%s: events and what they leave out add up to %d, the span says %d", s.Name, sum, want)
		}
	}
	if s.DroppedAttributesCount != 0 || s.DroppedEventsCount != 0 || s.DroppedLinksCount != 0 {
		t.Errorf("%s: the SDK dropped %d attributes, %d events, %d links", s.Name, s.DroppedAttributesCount, s.DroppedEventsCount, s.DroppedLinksCount)
	}
}
