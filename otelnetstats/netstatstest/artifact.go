package netstatstest

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// A record is a connection, or a failed dial, in conns.json.
type record struct {
	Server   string        `json:"server"`
	Remote   string        `json:"remote,omitempty"`
	Opened   time.Time     `json:"opened"`
	Dial     time.Duration `json:"dial_ns,omitempty"`
	Open     time.Duration `json:"open_ns,omitempty"`
	Received int64         `json:"received"`
	Sent     int64         `json:"sent"`
	Mark     string        `json:"last_mark,omitempty"`
	Error    string        `json:"error,omitempty"`
	End      string        `json:"end,omitempty"`
	Stack    []string      `json:"stack,omitempty"`
}

// keepArtifact writes conns.json into the test's folder for artifacts, if the tests
// were run with -artifacts. Otherwise that folder would be gone with the test.
func (w *Watcher) keepArtifact(entries []*entry) error {
	if f := flag.Lookup("test.artifacts"); f == nil || f.Value.String() != "true" {
		return nil
	}
	records := make([]record, 0, len(entries))
	for _, e := range entries {
		records = append(records, e.record())
	}
	text, err := json.MarshalIndent(records, "", "\t")
	if err != nil {
		return fmt.Errorf("conns.json: %w", err)
	}
	return os.WriteFile(filepath.Join(w.t.ArtifactDir(), "conns.json"), append(text, '\n'), 0o600)
}

func (e *entry) record() record {
	r := record{Server: e.server, Opened: e.opened}
	for _, f := range e.stack.frames {
		r.Stack = append(r.Stack, fmt.Sprintf("%s %v", f.function, f))
	}
	if e.err != nil {
		r.Error = e.err.Error()
		return r
	}
	stats := e.conn.Stats()
	r.Dial, r.Received, r.Sent = e.conn.Setup().Total, stats.Received.Bytes, stats.Sent.Bytes
	r.Mark, r.End = e.marked(), e.outcome()
	if e.remote != nil {
		r.Remote = e.remote.String()
	}
	if !e.ended.IsZero() && !e.dropped {
		r.Open = e.ended.Sub(e.opened)
	}
	return r
}
