package bolt_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/ledger"
	ledgerbolt "github.com/depeche-mail/depeche/ledger/bolt"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/queue/bolt"
	"github.com/depeche-mail/depeche/queue/queuetest"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/stub"
)

func open(t *testing.T, folder string) *bolt.Engine {
	t.Helper()
	e, err := bolt.Open(folder, bolt.Options{})
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

func TestConformance(t *testing.T) {
	queuetest.Run(t, queuetest.Engine{
		Open: func(t *testing.T) queue.Engine {
			e, err := bolt.Open(t.TempDir(), bolt.Options{})
			if err != nil {
				t.Fatal(err)
			}
			return e
		},
		Do: synctest.Test,
	})
}

func mail(t *testing.T, to string) transport.Mail {
	t.Helper()
	from, err := envelope.ParseAddress("from@example.org")
	if err != nil {
		t.Fatal(err)
	}
	a, err := envelope.ParseAddress(to)
	if err != nil {
		t.Fatal(err)
	}
	env, err := envelope.New(from, a)
	if err != nil {
		t.Fatal(err)
	}
	return transport.Raw(env, []byte("Subject: x\r\n\r\nhello\r\n"))
}

// state says what is in the queue.
func state(t *testing.T, e queue.Engine) string {
	t.Helper()
	var text strings.Builder
	for entry, err := range e.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, "%s %v %d %q; ", entry.Key, entry.State, entry.Attempts, entry.Reason)
	}
	return text.String()
}

// TestRestart closes and opens the folder with jobs in every state.
func TestRestart(t *testing.T) {
	folder := t.TempDir()
	e := open(t, folder)
	if _, err := bolt.Open(folder, bolt.Options{}); !errors.Is(err, bolt.ErrLocked) {
		t.Errorf("opened twice: %v", err)
	}
	q, err := queue.New(e, queue.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, job := range []queue.Job{{Key: "done"}, {Key: "refused"}, {Key: "tomorrow", At: time.Now().Add(24 * time.Hour)}, {Key: "cancelled"}, {Key: "retry"}} {
		if _, err := q.Enqueue(t.Context(), mail(t, job.Key+"@example.org"), job); err != nil {
			t.Fatal(err)
		}
	}
	relay := stub.New().AlwaysFor("refused@example.org", stub.Reject(transport.PhaseRcpt, 550, "no such user")).
		AlwaysFor("retry@example.org", stub.Reject(transport.PhaseRcpt, 450, "later"))
	if err := q.Cancel(t.Context(), "cancelled"); err != nil {
		t.Fatal(err)
	}
	worker, err := queue.Work(q, relay).Build()
	if err == nil {
		err = worker.RunDue(t.Context())
	}
	if err == nil {
		_, err = q.Enqueue(t.Context(), mail(t, "hand@example.org"), queue.Job{Key: "in hand"})
	}
	if err == nil {
		_, err = e.Take(t.Context(), queue.Request{Most: 1, Lease: time.Hour})
	}
	if err = errors.Join(err, q.Pause(t.Context()), e.Close()); err != nil {
		t.Fatal(err)
	}
	e = open(t, folder)
	got := state(t, e)
	for _, want := range []string{"in hand waiting 0", "refused parked 1 \"", "retry waiting 1 \"", "tomorrow waiting 0"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %q", want, got)
		}
	}
	if strings.Count(got, ";") != 4 {
		t.Errorf("left %q", got)
	}
	q, err = queue.New(e, queue.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if taken, err := e.Take(t.Context(), queue.Request{Most: 9, Lease: time.Hour}); len(taken) != 0 || err != nil {
		t.Errorf("the pause was forgotten: %d, %v", len(taken), err)
	}
	if err := q.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	taken, err := e.Take(t.Context(), queue.Request{Most: 9, Lease: time.Hour})
	if err != nil || len(taken) != 1 || taken[0].Entry.Key != "in hand" || !strings.Contains(string(taken[0].Entry.Payload), "hello") {
		t.Errorf("took %v, %v", taken, err)
	}
	if _, err := q.Enqueue(t.Context(), mail(t, "done@example.org"), queue.Job{Key: "done"}); err != nil {
		t.Error(err)
	}
	if _, err := q.Enqueue(t.Context(), mail(t, "other@example.org"), queue.Job{Key: "done"}); !errors.Is(err, ledger.ErrKeyReused) {
		t.Errorf("the key of an ended job: %v", err)
	}
	if strings.Contains(state(t, e), "done") {
		t.Error("a job that was done came again")
	}
}

// TestUnwritableJob: a job that cannot be kept is refused alone, and the queue goes on.
func TestUnwritableJob(t *testing.T) {
	e := open(t, t.TempDir())
	never := time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)
	errs, err := e.Put(t.Context(), []queue.Entry{{Job: queue.Job{Key: "never", At: never}}, {Job: queue.Job{Key: "now"}}})
	if err != nil || errs[0] == nil || errs[1] != nil {
		t.Errorf("%v, %v", errs, err)
	}
	if _, err := e.Put(t.Context(), []queue.Entry{{Job: queue.Job{Key: "later"}}}); err != nil {
		t.Error(err)
	}
	if got := state(t, e); strings.Count(got, ";") != 2 || strings.Contains(got, "never") {
		t.Errorf("left %s", got)
	}
}

// TestParallel enqueues from many goroutines, one key from all of them, while a worker sends.
func TestParallel(t *testing.T) {
	const writers, each = 8, 100
	q, err := queue.New(open(t, t.TempDir()), queue.Config{})
	if err != nil {
		t.Fatal(err)
	}
	relay := stub.New()
	worker, err := queue.Work(q, relay).Build()
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for w := range writers {
		m, shared := mail(t, "a@example.org"), mail(t, "shared@example.org")
		all.Go(func() {
			for i := range each {
				if _, err := q.Enqueue(t.Context(), m, queue.Job{Key: fmt.Sprint(w, "-", i)}); err != nil {
					t.Error(err)
				}
			}
			if _, err := q.Enqueue(t.Context(), shared, queue.Job{Key: "shared"}); err != nil {
				t.Error(err)
			}
		})
	}
	if err := worker.RunDue(t.Context()); err != nil {
		t.Error(err)
	}
	all.Wait()
	if err := worker.RunDue(t.Context()); err != nil {
		t.Error(err)
	}
	if got := len(relay.Messages()); got != writers*each+1 {
		t.Errorf("%d mails went, want %d", got, writers*each+1)
	}
}

// TestLedgerBroken: when the ledger can't be written any more no job is begun, and those in hand wait for the next process.
func TestLedgerBroken(t *testing.T) {
	folder := t.TempDir()
	e, err := bolt.Open(folder, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	q, err := queue.New(e, queue.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"first", "second"} {
		if _, err := q.Enqueue(t.Context(), mail(t, "a@example.org"), queue.Job{Key: key}); err != nil {
			t.Fatal(err)
		}
	}
	book := e.Ledger().(*ledgerbolt.Ledger)
	relay := stub.New()
	work := queue.Work(q, relay)
	work.AtOnce = 1
	work.OnEvent = func(event queue.Event) {
		if event.Begins { // as a full disk does, in the middle
			if err := book.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	worker, err := work.Build()
	if err != nil {
		t.Fatal(err)
	}
	if err := worker.Run(t.Context()); !errors.Is(err, ledgerbolt.ErrClosed) {
		t.Errorf("the worker goes on without a ledger: %v", err)
	}
	if taken, err := e.Take(t.Context(), queue.Request{Most: 1, Lease: time.Hour}); err == nil || len(taken) > 0 {
		t.Errorf("took %d jobs, %v", len(taken), err)
	}
	if got := state(t, e); !strings.HasPrefix(got, "first waiting 1 ") || !strings.Contains(got, "second waiting 0 ") || len(relay.Messages()) > 0 {
		t.Errorf("%d mails went, left %s", len(relay.Messages()), got)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}
