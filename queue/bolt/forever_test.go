package bolt_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/ledger"
	ledgerbolt "github.com/depeche-mail/depeche/ledger/bolt"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/queue/bolt"
	"github.com/depeche-mail/depeche/transport/stub"
)

// TestForever: a program that looks at a queue and does not know its window makes it forget no key.
func TestForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const day = 24 * time.Hour
		folder, relay := t.TempDir(), stub.New()
		open := func(window time.Duration) *bolt.Engine {
			e, err := bolt.Open(folder, bolt.Options{Ledger: ledgerbolt.Options{Window: window}})
			if err != nil {
				t.Fatal(err)
			}
			return e
		}
		send := func() {
			e := open(90 * day)
			q, err := queue.New(e, queue.Config{})
			if err == nil {
				_, err = q.Enqueue(t.Context(), mail(t, "to@example.org"), queue.Job{Key: "key"})
			}
			var worker *queue.Worker
			if err == nil {
				worker, err = queue.Work(q, relay).Build()
			}
			if err == nil {
				err = worker.RunDue(t.Context())
			}
			if err = errors.Join(err, e.Close()); err != nil {
				t.Fatal(err)
			}
		}
		send()
		time.Sleep(20 * day)
		if err := open(ledger.Forever).Close(); err != nil {
			t.Fatal(err)
		}
		send()
		if n := len(relay.Messages()); n != 1 {
			t.Errorf("with a look on day 20 of 90 one key was sent %d times", n)
		}
	})
}
