package jetstream

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/ledger/ledgertest"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/queue/queuetest"
	"github.com/depeche-mail/depeche/transport"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

func open(t *testing.T, s Setup) *Engine {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	e, err := s.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// serve starts a NATS with JetStream in this process, and returns a way to connect to it.
func serve(t *testing.T) (connect func() *nats.Conn) {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		ServerName: "test", DontListen: true, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir(), SyncAlways: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("the server did not start")
	}
	return func() *nats.Conn {
		conn, err := nats.Connect("", nats.InProcessServer(s), nats.MaxReconnects(-1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(conn.Close)
		return conn
	}
}

// die makes the process of an engine seem dead to another, without waiting for its silence.
func die(old, fresh *Engine) {
	old.owners.mu.Lock()
	old.owners.quiet = true
	old.owners.mu.Unlock()
	old.owners.leave()
	_ = fresh.jobs.conn.Flush()
	fresh.owners.mu.Lock()
	defer fresh.owners.mu.Unlock()
	delete(fresh.owners.seen, old.owners.self)
	fresh.owners.steady = time.Time{}
	fresh.owners.echo = time.Now().Add(time.Hour)
}

func TestQueue(t *testing.T) {
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		queuetest.Run(t, queuetest.Engine{Open: func(t *testing.T) queue.Engine { return open(t, Embedded(t.TempDir())) }})
	})
	t.Run("over", func(t *testing.T) {
		t.Parallel()
		queuetest.Run(t, queuetest.Engine{Open: func(t *testing.T) queue.Engine { return open(t, Over(serve(t)())) }})
	})
}

// TestLedgerAlone runs the suite in a folder, which is opened again for each restart.
func TestLedgerAlone(t *testing.T) {
	folders, current := map[ledger.Ledger]string{}, map[ledger.Ledger]*Engine{}
	begin := func(t *testing.T, folder string) ledger.Ledger {
		e := open(t, Embedded(folder))
		folders[e.book], current[e.book] = folder, e
		return e.book
	}
	ledgertest.Run(t, ledgertest.Store{
		Open: func(t *testing.T) ledger.Ledger { return begin(t, t.TempDir()) },
		Restart: func(t *testing.T, l ledger.Ledger) ledger.Ledger {
			if err := current[l].Close(); err != nil {
				t.Error(err)
			}
			return begin(t, folders[l])
		},
	})
}

// TestLedger runs the suite over one NATS, with a new process for each restart.
func TestLedger(t *testing.T) {
	engines := map[ledger.Ledger]func() *Engine{}
	current := map[ledger.Ledger]*Engine{}
	begin := func(again func() *Engine) ledger.Ledger {
		e := again()
		engines[e.book], current[e.book] = again, e
		return e.book
	}
	ledgertest.Run(t, ledgertest.Store{
		Open: func(t *testing.T) ledger.Ledger {
			connect := serve(t)
			return begin(func() *Engine { return open(t, Over(connect())) })
		},
		Restart: func(t *testing.T, l ledger.Ledger) ledger.Ledger {
			fresh := begin(engines[l])
			die(current[l], current[fresh])
			return fresh
		},
		Fenced: true,
	})
}

// TestEmbedded: a folder is one process's, it is ready soon, and what is in it is there after a restart.
func TestEmbedded(t *testing.T) {
	folder := t.TempDir()
	e := open(t, Embedded(folder))
	if _, err := Embedded(folder).Open(t.Context()); !errors.Is(err, ErrLocked) {
		t.Errorf("opened twice: %v", err)
	}
	if info, err := os.Stat(folder); err != nil || info.Mode().Perm()&0o077 != 0 && info.Mode().Perm() != 0o755 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	to, err := envelope.ParseAddress("a@example.org")
	if err != nil {
		t.Fatal(err)
	}
	claim := []ledger.Claim{{Key: "k", Recipient: to}}
	grants, err := e.Ledger().Claim(t.Context(), claim)
	if err == nil {
		err = e.Ledger().Ending(t.Context(), grants)
	}
	if err == nil {
		_, err = e.Put(t.Context(), []queue.Entry{{Job: queue.Job{Key: "a"}}, {Job: queue.Job{Key: "b"}}})
	}
	if err != nil {
		t.Fatal(err)
	}
	taken, err := e.Take(t.Context(), queue.Request{Most: 1, Lease: time.Hour})
	if err != nil || len(taken) != 1 {
		t.Fatal(taken, err)
	}
	if err := errors.Join(e.Pause(t.Context(), true), e.Close()); err != nil {
		t.Fatal(err)
	}
	e = open(t, Embedded(folder))
	if taken, err := e.Take(t.Context(), queue.Request{Most: 9, Lease: time.Hour}); err != nil || len(taken) > 0 {
		t.Errorf("the pause was forgotten: %v, %v", taken, err)
	}
	if err := e.Pause(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	taken, err = e.Take(t.Context(), queue.Request{Most: 9, Lease: time.Hour})
	if err != nil || len(taken) != 2 {
		t.Errorf("took %d jobs, %v: what was in hand is due at once after a restart", len(taken), err)
	}
	if grants, err = e.Ledger().Claim(t.Context(), claim); err != nil || grants[0].Answer != ledger.Replay || grants[0].Fate.Outcome != transport.Unknown {
		t.Errorf("%+v, %v", grants, err)
	}
}

// TestSetupRefuses says which setups are mistakes.
func TestSetupRefuses(t *testing.T) {
	for want, s := range map[string]Setup{
		"begin with Embedded or Over": {},
		"want letters, digits":        func() Setup { s := Embedded("x"); s.Name = "a.b"; return s }(),
		"must not be negative":        func() Setup { s := Embedded("x"); s.Window = -1; return s }(),
		"want 1, 3 or 5":              func() Setup { s := Embedded("x"); s.Replicas = 2; return s }(),
		"a name for this server":      Embedded("x").Cluster("", "127.0.0.1:0"),
		"set Setup.TLS":               Embedded("x").Cluster("a", "0.0.0.0:6222"),
		"want host:port":              Embedded("x").Cluster("a", "6222"),
		"want nats://host:port":       Embedded("x").Cluster("a", "127.0.0.1:0", "other"),
		"this goes with Over":         func() Setup { s := Embedded("x"); s.Existing = true; return s }(),
		"does not begin with Over":    func() Setup { s := Over(&nats.Conn{}); return s.Cluster("a", "127.0.0.1:0") }(),
	} {
		var field *envelope.FieldError
		if _, err := s.Open(t.Context()); !errors.As(err, &field) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
