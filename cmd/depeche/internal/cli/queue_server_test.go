//go:build unix

package cli_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/internal/pgtest"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/queue/jetstream"
	"github.com/depeche-mail/depeche/queue/river"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
)

// natsServer starts a NATS with JetStream that wants a password, and returns its URL.
func natsServer(t *testing.T) string {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		ServerName: "test", Host: "127.0.0.1", Port: server.RANDOM_PORT, Username: "shop", Password: "topsecret", NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: t.TempDir(),
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
	return "nats://shop:topsecret@" + s.Addr().String()
}

// onNATS is an empty queue on a NATS.
func onNATS(t *testing.T) place {
	url := natsServer(t)
	return place{"env:QUEUE", "env:QUEUE", "QUEUE=" + url + "/mails", func(t *testing.T) *queue.Queue {
		t.Helper()
		conn, err := nats.Connect(url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(conn.Close)
		setup := jetstream.Over(conn)
		setup.Name = "mails"
		engine, err := setup.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return newQueue(t, engine)
	}}
}

// postgres starts a PostgreSQL, which must be installed, and returns the URL of its empty database.
func postgres(t *testing.T) string {
	t.Helper()
	s, err := pgtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s.URL("postgres")
}

// inPostgres is an empty queue in a database.
func inPostgres(t *testing.T) place {
	url := postgres(t)
	return place{url, url, "", func(t *testing.T) *queue.Queue {
		t.Helper()
		pool, err := pgxpool.New(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		engine, err := river.Open(t.Context(), pool, river.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return newQueue(t, engine)
	}}
}

// TestQueueServers: what a server has not got is not made by looking for it.
func TestQueueServers(t *testing.T) {
	p := onNATS(t)
	if got := p.do(t, 65, "queue", "pause", p.queue); !strings.Contains(got.errors, "there is no queue mails on this NATS") {
		t.Errorf("%+v", got)
	}
	if got := p.do(t, 65, "ledger", "ls", p.ledger); !strings.Contains(got.errors, "there is no queue mails") {
		t.Errorf("%+v", got)
	}
	p.fill(t)
	p.variable = strings.Replace(p.variable, "topsecret", "topsecretly", 1)
	if got := p.do(t, 75, "queue", "ls", p.queue); !strings.Contains(got.errors, "Authorization") {
		t.Errorf("%+v", got)
	}
	url := postgres(t)
	for range 2 {
		if got := p.do(t, 65, "queue", "ls", url); !strings.Contains(got.errors, "there is no queue in this database") {
			t.Errorf("%+v", got)
		}
	}
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	var tables int
	if err := pool.QueryRow(context.Background(), "select count(*) from pg_tables where schemaname = 'public'").Scan(&tables); err != nil || tables != 0 {
		t.Errorf("%d tables, %v", tables, err)
	}
}

// TestQueueURL: mistakes are said without what they are in, because that may be a password.
func TestQueueURL(t *testing.T) {
	const refused, mistake = "can be read by every user", "this is not the URL of a queue"
	for url, want := range map[string]string{
		"nats://shop:topsecret@localhost": refused, "tls://topsecret@localhost": refused, "postgres://shop:topsecret@localhost/db": refused,
		"postgres://localhost/db?password=topsecret": refused, "postgres://localhost/db?sslpassword=topsecret": refused,
		"mysql://topsecret@localhost/db": mistake, "postgres://shop:topsecret%@localhost/db": mistake, "nats://shop:1#topsecret@localhost": mistake,
		"postgres://shop:1/topsecret@localhost/db": mistake, "postgres://shop:1?topsecret@localhost/db": mistake,
		"nats://localhost/q?topsecret=x": "unknown settings", "env:TOPSECRET": "the variable TOPSECRET is not set",
		"postgres://localhost/db?sslmode=perhaps": "sslmode is invalid",
	} {
		for _, command := range []string{"queue ls " + url, "ledger ls " + url} {
			got := run(t, strings.Fields(command), "")
			if got.status != 64 || !strings.Contains(got.errors, want) || strings.Contains(got.errors+got.out, "topsecret") {
				t.Errorf("%s: %+v", command, got)
			}
		}
	}
	for _, url := range []string{
		"postgres://shop:top%20secret@127.0.0.1:1/db", "postgres://shop@127.0.0.1:1/db?password=top+secret", "nats://top%20secret@127.0.0.1:1/mails",
		"postgres://shop:top%20secret@127.0.0.1:1/db?sslmode=perhaps", "nats://shop:top%20secret@127.0.0.1:1/mails?ca=/top%20secret",
	} {
		got := run(t, []string{"queue", "ls", "env:Q"}, "", "Q="+url)
		for _, form := range []string{"top secret", "top%20secret", "top+secret"} {
			if got.status == 0 || strings.Contains(got.errors, form) {
				t.Errorf("%s: %+v", url, got)
			}
		}
	}
}

// TestQueueInVariable: of a variable errors say the name, never what it holds, whatever form that has and whichever command reads it.
func TestQueueInVariable(t *testing.T) {
	folder := t.TempDir()
	for text, want := range map[string]string{
		"host=127.0.0.1 port=1 user=shop password=topsecret dbname=db":                "failed to connect",
		"  password = 'topsecret'\thost=127.0.0.1 port=1":                             "failed to connect",
		"password=a://topsecret host=127.0.0.1 port=1":                                "failed to connect",
		"host=127.0.0.1 port=1 password=to topsecret dbname=db":                       "the variable Q does not hold settings",
		"host=127.0.0.1 port=topsecret password=x":                                    "the variable Q does not hold settings",
		"127.0.0.1 password=topsecret":                                                "the variable Q does not hold settings",
		"topsecret":                                                                   "env:Q",
		folder + "//topsecret/../topsecret/":                                          "env:Q",
		"postgres:shop:topsecret@localhost/db":                                        "env:Q",
		"shop:topsecret@localhost/db?sslmode=x":                                       "env:Q",
		"postgres://shop:topsecret@127.0.0.1:1/db":                                    "failed to connect",
		"mysql://topsecret@localhost/db":                                              "this is not the URL of a queue",
		write(t, "topsecret", strings.Repeat("this is not a database of bbolt", 999)): "env:Q",
	} {
		for _, command := range []string{"queue", "ledger"} {
			got := run(t, []string{command, "ls", "env:Q"}, "", "Q="+text)
			if got.status == 0 || !strings.Contains(got.errors, want) || strings.Contains(got.errors+got.out, "topsecret") {
				t.Errorf("%s of %q: %+v, want %q", command, text, got, want)
			}
		}
	}
	for _, argument := range []string{"host=localhost password=topsecret", "sslPassword='topsecret'", "password=a://topsecret"} {
		if got := run(t, []string{"queue", "ls", argument}, ""); got.status != 64 || !strings.Contains(got.errors, "can be read by every user") || strings.Contains(got.errors, "topsecret") {
			t.Errorf("%s: %+v", argument, got)
		}
	}
}

// TestQueueSettings: what libpq takes as settings is a PostgreSQL too, in a variable with a password.
func TestQueueSettings(t *testing.T) {
	p := inPostgres(t)
	p.fill(t)
	config, err := pgxpool.ParseConfig(p.queue)
	if err != nil {
		t.Fatal(err)
	}
	c := config.ConnConfig
	settings := fmt.Sprintf("host='%s' port=%d user='%s' dbname='%s'", c.Host, c.Port, c.User, c.Database)
	want := p.states(t)
	for _, of := range []place{{queue: settings}, {queue: "env:Q", variable: "Q=password=x " + settings}} {
		if got := of.states(t); got != want || want == "" {
			t.Errorf("%s: %q, want %q", of.queue, got, want)
		}
	}
}

// TestLedgerInVariable: a variable may hold the path of a ledger, and the folder of a queue.
func TestLedgerInVariable(t *testing.T) {
	p := inFolder(t)
	p.fill(t)
	want := p.do(t, 0, "ledger", "ls", p.ledger).out
	of := place{queue: "env:Q", ledger: "env:Q", variable: "Q=" + p.ledger}
	if got := of.do(t, 0, "ledger", "ls", of.ledger).out; got != want || want == "" {
		t.Errorf("%q, want %q", got, want)
	}
	of.do(t, 0, "ledger", "resolve", of.ledger, "doubt", "doubt@example.org", "accepted")
	of.variable = "Q=" + p.queue
	if got, want := of.states(t), p.states(t); got != want || want == "" {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestQueueOtherStream: a wrong name, which is that of another application's stream, writes nothing into it and makes no stream beside it.
func TestQueueOtherStream(t *testing.T) {
	url := natsServer(t)
	conn, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := natsjs.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]natsjs.StreamConfig{
		"ORDERS": {Subjects: []string{"orders.*"}}, "all": {Subjects: []string{"all.>"}},
		"alike": {Subjects: []string{"alike.>"}, MaxMsgsPerSubject: 1, AllowDirect: true, AllowAtomicPublish: true, AllowMsgTTL: true},
	} {
		c.Name = name
		stream, err := js.CreateStream(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		p := place{variable: "Q=" + url + "/" + name}
		for _, command := range []string{"queue ls", "queue pause", "ledger ls"} {
			if got := p.do(t, 65, append(strings.Fields(command), "env:Q")...); !strings.Contains(got.errors, name) {
				t.Errorf("%s: %+v", command, got)
			}
		}
		info, err := stream.Info(t.Context())
		if err != nil || info.State.LastSeq != 0 {
			t.Errorf("%d messages were written into %s, %v", info.State.LastSeq, name, err)
		}
	}
	account, err := js.AccountInfo(t.Context())
	if err != nil || account.Streams != 3 {
		t.Errorf("%d streams, want the three of the application, %v", account.Streams, err)
	}
}
