package river_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/queue/queuetest"
	"github.com/depeche-mail/depeche/queue/river"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// postgres is a server of the tests, reached by a socket in a folder of its own.
type postgres struct {
	folder, binary string
	settings       []string // name=value
	cmd            *exec.Cmd
}

var server *postgres

func TestMain(m *testing.M) {
	var err error
	river.SetRestart(0) // no test waits for what a start of the server leaves in the air
	queuetest.KillChild(openAt)
	server, err = startPostgres()
	if err == nil {
		err = server.makeTemplate()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "PostgreSQL is needed (Debian package postgresql):", err)
		os.Exit(1)
	}
	code := m.Run()
	server.stop()
	os.Exit(code)
}

// program finds a program of PostgreSQL, which Debian keeps out of the way.
func program(name string) (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if err == nil && len(found) > 0 {
		return found[len(found)-1], nil
	}
	return exec.LookPath(name)
}

// startPostgres makes a server that forgets what it has when the machine stops, unless settings say otherwise.
func startPostgres(settings ...string) (*postgres, error) {
	initdb, err := program("initdb")
	if err != nil {
		return nil, err
	}
	binary, err := program("postgres")
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "pg") // a socket has a short name
	if err != nil {
		return nil, err
	}
	s := &postgres{folder: folder, binary: binary, settings: settings}
	data := filepath.Join(folder, "data")
	if err := give(folder); err != nil {
		return nil, err
	}
	setup := exec.Command(initdb, "-D", data, "-U", "test", "-A", "trust", "--no-sync", "--locale=C", "-E", "UTF8")
	unprivileged(setup)
	if out, err := setup.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	if err := s.start(); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// start starts the server, also after halt.
func (s *postgres) start() error {
	args := []string{"-D", filepath.Join(s.folder, "data"), "-k", s.folder}
	settings := []string{"listen_addresses=", "max_connections=200", "fsync=off", "full_page_writes=off", "synchronous_commit=off", "log_min_messages=fatal"}
	for _, setting := range append(settings, s.settings...) { // the last one counts
		args = append(args, "-c", setting)
	}
	s.cmd = exec.Command(s.binary, args...)
	unprivileged(s.cmd)
	if err := s.cmd.Start(); err != nil {
		return err
	}
	for end := time.Now().Add(time.Minute); ; {
		conn, err := pgx.Connect(context.Background(), s.dsn("postgres"))
		if err == nil {
			return conn.Close(context.Background())
		}
		if time.Now().After(end) {
			return err
		}
		<-time.After(20 * time.Millisecond)
	}
}

// halt stops the server at once; its files stay.
func (s *postgres) halt() {
	_ = s.cmd.Process.Signal(os.Interrupt) // fast shutdown
	_ = s.cmd.Wait()
}

// makeTemplate makes the database that those of the tests are copies of, with all tables.
func (s *postgres) makeTemplate() error {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, s.dsn("template1"))
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

func (s *postgres) dsn(database string) string {
	return "host=" + s.folder + " user=test dbname=" + database
}

func (s *postgres) stop() {
	s.halt()
	_ = os.RemoveAll(s.folder)
}

var databases atomic.Int64

// newDatabase makes a database and returns its connection string.
func newDatabase(t *testing.T) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), server.dsn("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	name := "db" + strconv.FormatInt(databases.Add(1), 10)
	_, err = conn.Exec(t.Context(), "create database "+name)
	if err = errors.Join(err, conn.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	return server.dsn(name)
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
