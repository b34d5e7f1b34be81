// Package libpq is the recipe for lib/pq.
//
// The hook wants a type that has Dial and DialTimeout, too: a Dialer has them. Dials
// that database/sql makes by itself have no parent span.
package libpq

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/lib/pq"

	"github.com/netstats-go/netstats/integration/clients/lab"
	"github.com/netstats-go/netstats/integration/clients/server"
	"github.com/netstats-go/netstats/otelnetstats"
)

var recipe = lab.Recipe{
	Library: "lib/pq", Module: "github.com/lib/pq",
	Server:  "PostgreSQL",
	Address: lab.Name, Parent: lab.Sometimes, Caller: "github.com/lib/pq",
}

func wrap(connector *pq.Connector, tracker *otelnetstats.Tracker) {
	connector.Dialer(&otelnetstats.Dialer{Tracker: tracker})
}

func TestRecipe(t *testing.T) {
	s := server.PostgreSQL(t)
	for _, sslmode := range []string{"disable", "require"} {
		t.Run("sslmode="+sslmode, func(t *testing.T) {
			recipe.Compare(t, lab.Case{Ends: "local, remote"}, func(t *testing.T, w *lab.Way) {
				connector, err := pq.NewConnector("postgres://pg@" + w.Relay(s.Addr) + "/postgres?sslmode=" + sslmode)
				w.Must("connector", err)
				if tracker := w.Tracker; tracker != nil {
					wrap(connector, tracker)
				}
				db := sql.OpenDB(connector)
				defer db.Close()
				use(t, w, db)
			})
		})
	}
}

// use copies rows in, reads them, gives a query up, and has a connection killed.
func use(t *testing.T, w *lab.Way, db *sql.DB) {
	_, err := db.ExecContext(w.Context(), "CREATE TABLE IF NOT EXISTS t (i int, s text)")
	w.Must("create", err)
	tx, err := db.BeginTx(w.Context(), nil)
	w.Must("begin", err)
	in, err := tx.PrepareContext(w.Context(), "COPY t (i, s) FROM STDIN")
	w.Must("prepare", err)
	for i := range 10_000 {
		if _, err := in.ExecContext(w.Context(), i, "a row of some length"); err != nil {
			t.Fatal(err)
		}
	}
	w.Must("copy", in.Close())
	w.MarkAll()
	var n int
	w.Must("count", tx.QueryRowContext(w.Context(), "SELECT count(*) FROM t").Scan(&n))
	w.Note("rows", n, tx.Rollback())
	_, err = db.ExecContext(w.Context(), "SELECT 1/0")
	w.Note("an error", "of SQL", err)

	ctx, cancel := context.WithTimeout(w.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = db.ExecContext(ctx, "SELECT pg_sleep(60)")
	w.Note("given up", errors.Is(err, context.DeadlineExceeded), err)

	victim, err := db.Conn(w.Context())
	w.Must("a connection", err)
	var pid int
	w.Must("pid", victim.QueryRowContext(w.Context(), "SELECT pg_backend_pid()").Scan(&pid))
	_, err = db.ExecContext(w.Context(), fmt.Sprintf("SELECT pg_terminate_backend(%d)", pid))
	w.Must("kill", err)
	_, err = victim.ExecContext(w.Context(), "SELECT 1")
	w.Note("killed", err != nil)
	_ = victim.Close() // it is closed
	w.Must("ping", db.PingContext(w.Context()))
}
