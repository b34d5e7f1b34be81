// Package mysql is the recipe for go-sql-driver/mysql.
//
// The driver looks at the descriptor for whether a connection is alive before it uses
// one again: a tracked connection has syscall.Conn, so that one that the server has
// killed is replaced without an error.
package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/netstats-go/netstats/integration/clients/lab"
	"github.com/netstats-go/netstats/integration/clients/server"
	"github.com/netstats-go/netstats/otelnetstats"
)

var recipe = lab.Recipe{
	Library: "go-sql-driver/mysql", Module: "github.com/go-sql-driver/mysql",
	Server:  "MariaDB",
	Address: lab.Name, Parent: lab.Sometimes, Caller: "github.com/go-sql-driver/mysql",
}

func wrap(cfg *mysql.Config, tracker *otelnetstats.Tracker) {
	cfg.DialFunc = tracker.WrapDial(cfg.DialFunc)
}

func open(t *testing.T, w *lab.Way, s server.TLS, secure bool) *sql.DB {
	t.Helper()
	cfg := mysql.NewConfig()
	cfg.User, cfg.Net, cfg.Addr, cfg.DBName = "root", "tcp", w.Relay(s.Addr), "test"
	if secure {
		cfg.TLS = s.Client()
	}
	if tracker := w.Tracker; tracker != nil {
		wrap(cfg, tracker)
	}
	return openDB(t, cfg)
}

func openDB(t *testing.T, cfg *mysql.Config) *sql.DB {
	t.Helper()
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { db.Close() })
	return db
}

func TestRecipe(t *testing.T) {
	s := server.MariaDB(t)
	for _, secure := range []bool{false, true} {
		name := map[bool]string{false: "plain", true: "TLS"}[secure]
		t.Run(name+", a pool under load", func(t *testing.T) {
			recipe.Compare(t, lab.Case{Ends: "local, remote?"}, func(t *testing.T, w *lab.Way) {
				load(t, w, open(t, w, s, secure))
			})
		})
		t.Run(name+", connections killed in the pool", func(t *testing.T) {
			recipe.Compare(t, lab.Case{Ends: "local?, remote"}, func(t *testing.T, w *lab.Way) {
				kills(t, w, open(t, w, s, secure), s)
			})
		})
	}
}

func load(t *testing.T, w *lab.Way, db *sql.DB) {
	db.SetMaxOpenConns(4)
	db.SetMaxIdleConns(4)
	var users sync.WaitGroup
	for i := range 8 {
		users.Go(func() {
			for j := range 20 {
				value, got := strings.Repeat("v", 1+i*j*100), ""
				if err := db.QueryRowContext(w.Context(), "SELECT ?", value).Scan(&got); err != nil || got != value {
					t.Errorf("%d bytes of %d: %v", len(got), len(value), err)
				}
			}
		})
	}
	users.Wait()
	w.MarkAll()
	_, err := db.ExecContext(w.Context(), "SELECT nothing")
	w.Note("an error", "of SQL", err)
	ctx, cancel := context.WithTimeout(w.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = db.ExecContext(ctx, "SELECT SLEEP(0.5)")
	w.Note("given up", errors.Is(err, context.DeadlineExceeded), err)
}

// kills has the server close the one connection of a pool while nobody uses it, ten
// times.
func kills(t *testing.T, w *lab.Way, db *sql.DB, s server.TLS) {
	db.SetMaxOpenConns(1)
	cfg := mysql.NewConfig()
	cfg.User, cfg.Net, cfg.Addr, cfg.DialFunc = "root", "tcp", s.Addr, server.Dial
	killer := openDB(t, cfg)
	for i := range 10 {
		var id int
		w.Must("id", db.QueryRowContext(w.Context(), "SELECT CONNECTION_ID()").Scan(&id))
		w.MarkAll()
		_, err := killer.ExecContext(w.Context(), fmt.Sprintf("KILL %d", id))
		w.Must("kill", err)
		w.AwaitHangups(i + 1)
		w.Must("ping", db.PingContext(w.Context()))
	}
	killer.Close()
}
