// Package pgx is the recipe for pgx and pgxpool.
//
// pgx resolves names first, so that server.address is an IP address. To cancel a
// query it dials again, outside of any call, without a parent span.
package pgx

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/netstats-go/netstats/integration/clients/lab"
	"github.com/netstats-go/netstats/integration/clients/server"
	"github.com/netstats-go/netstats/otelnetstats"
)

var recipe = lab.Recipe{
	Library: "pgx", Module: "github.com/jackc/pgx/v5",
	Server:  "PostgreSQL",
	Address: lab.IP, Parent: lab.Sometimes, Caller: "github.com/jackc/pgx/v5/pgconn, github.com/jackc/puddle/v2",
}

func wrap(cfg *pgxpool.Config, tracker *otelnetstats.Tracker) {
	cfg.ConnConfig.DialFunc = pgconn.DialFunc(tracker.WrapDial(cfg.ConnConfig.DialFunc))
}

func TestRecipe(t *testing.T) {
	s := server.PostgreSQL(t)
	for _, sslmode := range []string{"disable", "require"} {
		t.Run("sslmode="+sslmode, func(t *testing.T) {
			recipe.Compare(t, lab.Case{Ends: "local, remote"}, func(t *testing.T, w *lab.Way) {
				url := "postgres://pg@" + w.Relay(s.Addr) + "/postgres?pool_max_conns=4&sslmode=" + sslmode
				cfg, err := pgxpool.ParseConfig(url)
				w.Must("configuration", err)
				if tracker := w.Tracker; tracker != nil {
					wrap(cfg, tracker)
				}
				pool, err := pgxpool.NewWithConfig(w.Context(), cfg)
				w.Must("pool", err)
				defer pool.Close()
				use(t, w, pool, s)
			})
		})
	}
}

// use copies rows in, asks for many at once, has a connection killed, and gives a
// query up.
func use(t *testing.T, w *lab.Way, pool *pgxpool.Pool, s server.TLS) {
	conn, err := pool.Acquire(w.Context())
	w.Must("acquire", err)
	w.Mark(conn.Conn().PgConn().Conn())
	_, err = conn.Exec(w.Context(), "CREATE TEMP TABLE t (i int, s text)")
	w.Must("create", err)
	n, err := conn.CopyFrom(w.Context(), pgx.Identifier{"t"}, []string{"i", "s"},
		pgx.CopyFromSlice(10_000, func(i int) ([]any, error) { return []any{i, "a row of some length"}, nil }))
	w.Note("copy", n, err)
	batch := new(pgx.Batch)
	for i := range 100 {
		batch.Queue("SELECT s FROM t WHERE i < $1", i)
	}
	w.Must("batch", conn.SendBatch(w.Context(), batch).Close())
	_, err = conn.Exec(w.Context(), "SELECT 1/0")
	w.Note("an error", "of SQL", err)

	_, err = conn.Exec(w.Context(), "LISTEN news")
	w.Must("listen", err)
	_, err = pool.Exec(w.Context(), "NOTIFY news, 'hello'")
	w.Must("notify", err)
	news, err := conn.Conn().WaitForNotification(w.Context())
	w.Must("wait", err)
	w.Note("news", news.Payload)

	kill(t, w, s, conn.Conn().PgConn().PID())
	w.AwaitHangups(1)
	_, err = conn.Exec(w.Context(), "SELECT 1")
	w.Note("killed", conn.Conn().IsClosed(), err)
	conn.Release()

	ctx, cancel := context.WithTimeout(w.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = pool.Exec(ctx, "SELECT pg_sleep(60)")
	w.Note("given up", errors.Is(err, context.DeadlineExceeded))
	w.Must("ping", pool.Ping(w.Context()))
}

// kill has the server end a connection, by one that nobody tracks.
func kill(t *testing.T, w *lab.Way, s server.TLS, pid uint32) {
	t.Helper()
	cfg, err := pgx.ParseConfig("postgres://pg@" + s.Addr + "/postgres?sslmode=disable")
	w.Must("configuration", err)
	cfg.DialFunc = server.Dial
	conn, err := pgx.ConnectConfig(w.Context(), cfg)
	w.Must("connect", err)
	defer conn.Close(w.Context())
	_, err = conn.Exec(w.Context(), "SELECT pg_terminate_backend($1)", pid)
	w.Must("kill", err)
}
