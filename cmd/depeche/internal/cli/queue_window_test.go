//go:build unix

package cli_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	ledgerbolt "github.com/depeche-mail/depeche/ledger/bolt"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/queue/bolt"
	"github.com/depeche-mail/depeche/queue/river"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/stub"
	"github.com/jackc/pgx/v5/pgxpool"
)

// window is that of a program which keeps its keys for longer than is usual.
const window = 90 * 24 * time.Hour

// once queues a mail under a key and sends what is due.
func (p place) once(t *testing.T, relay transport.Transport) {
	t.Helper()
	q := p.open(t)
	env, err := envelope.Parse("shop@example.org", "to@example.org")
	if err == nil {
		_, err = q.Enqueue(t.Context(), transport.Raw(env, []byte("Subject: x\r\n\r\nx\r\n")), queue.Job{Key: "key"})
	}
	if err = errors.Join(err, q.Close()); err != nil {
		t.Fatal(err)
	}
	p.send(t, relay)
}

// look looks at a queue by each command that only looks.
func (p place) look(t *testing.T) {
	t.Helper()
	p.do(t, 0, "queue", "ls", p.queue)
	p.do(t, 65, "queue", "show", p.queue, "key")
	if got := p.do(t, 0, "ledger", "ls", p.ledger).out; !strings.HasPrefix(got, "key\t") {
		t.Errorf("the ledger has %q", got)
	}
}

// TestWindow: the command does not know the window of the program, and makes it forget nothing.
func TestWindow(t *testing.T) {
	t.Run("folder", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			folder, relay := t.TempDir(), stub.New()
			p := place{folder, filepath.Join(folder, "ledger.db"), "", func(t *testing.T) *queue.Queue {
				t.Helper()
				engine, err := bolt.Open(folder, bolt.Options{Ledger: ledgerbolt.Options{Window: window}})
				if err != nil {
					t.Fatal(err)
				}
				return newQueue(t, engine)
			}}
			p.once(t, relay)
			time.Sleep(20 * 24 * time.Hour)
			p.look(t)
			if p.once(t, relay); len(relay.Messages()) != 1 {
				t.Errorf("one key was sent %d times", len(relay.Messages()))
			}
		})
	})
	t.Run("postgres", func(t *testing.T) {
		url, relay := postgres(t), stub.New()
		pool, err := pgxpool.New(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		p := place{url, url, "", func(t *testing.T) *queue.Queue {
			t.Helper()
			engine, err := river.Open(t.Context(), pool, river.Options{Window: window})
			if err != nil {
				t.Fatal(err)
			}
			return newQueue(t, engine)
		}}
		p.once(t, relay)
		if _, err := pool.Exec(t.Context(), "update depeche_mail set ended_at = now() - interval '20 days'"); err != nil {
			t.Fatal(err)
		}
		p.look(t)
		var keys int
		if err := pool.QueryRow(t.Context(), "select count(*) from depeche_mail").Scan(&keys); err != nil || keys != 1 {
			t.Errorf("after a look the queue has %d keys, %v", keys, err)
		}
	})
}
