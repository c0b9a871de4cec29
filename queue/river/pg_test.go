package river_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/depeche-mail/depeche/internal/pgtest"
	"github.com/depeche-mail/depeche/queue/queuetest"
	"github.com/depeche-mail/depeche/queue/river"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

var server *pgtest.Server

func TestMain(m *testing.M) {
	var err error
	river.SetRestart(0) // no test waits for what a start of the server leaves in the air
	queuetest.KillChild(openAt)
	server, err = pgtest.Start()
	if err == nil {
		err = makeTemplate()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	server.Stop()
	os.Exit(code)
}

// makeTemplate makes the database that those of the tests are copies of, with all tables.
func makeTemplate() error {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, server.DSN("template1"))
	if err != nil {
		return err
	}
	defer pool.Close()
	e, err := river.Open(ctx, pool, river.Options{})
	if err != nil {
		return err
	}
	return e.Close()
}

var databases atomic.Int64

// newDatabase makes a database and returns its connection string.
func newDatabase(t *testing.T) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), server.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	name := "db" + strconv.FormatInt(databases.Add(1), 10)
	_, err = conn.Exec(t.Context(), "create database "+name)
	if err = errors.Join(err, conn.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	return server.DSN(name)
}

func newPool(t *testing.T, dsn string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}
