package queue_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/stub"
)

// reasonOf returns why the only job is parked or waits.
func reasonOf(t *testing.T, q *queue.Queue) (reason string) {
	t.Helper()
	for e, err := range q.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		reason = e.Reason
	}
	return reason
}

// TestReason: what a server says becomes one printable line of some length, in every engine: it is shown in terminals, and
// PostgreSQL does not take a NUL.
func TestReason(t *testing.T) {
	const dirty = "no \x00such\x1b[2J\xffuser\u202e"
	for name, do := range map[string]func(*testing.T, *queue.Queue){
		"parked": func(t *testing.T, q *queue.Queue) {
			runDue(t, queue.Work(q, stub.New().Always(stub.Fail(transport.PhaseMessage, errors.New(dirty+"\r\nsecond")))))
		},
		"waits": func(t *testing.T, q *queue.Queue) {
			runDue(t, queue.Work(q, stub.New().Always(stub.Reject(transport.PhaseRcpt, 450, dirty+strings.Repeat("é", 500)))))
		},
		"by hand": func(t *testing.T, q *queue.Queue) {
			if err := q.Park(t.Context(), "k", dirty+strings.Repeat("é", 500)); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			q := newQueue(t, queue.Config{})
			enqueue(t, q, mail(t, "a@example.org"), queue.Job{Key: "k"})
			do(t, q)
			got := reasonOf(t, q)
			if len(got) == 0 || len(got) > 500 || !utf8.ValidString(got) || strings.ContainsAny(got, "\x00\x1b\r\n\u202e") || !strings.Contains(got, "such?[2J?user?") {
				t.Errorf("%d octets: %q", len(got), got)
			}
			if name == "parked" && !strings.HasSuffix(got, "user?; second") {
				t.Errorf("two lines became %q", got)
			}
		})
	}
}

// offBook is an engine whose ledger fails.
type offBook struct {
	*queue.Memory

	book *failing
}

func (o offBook) Ledger() ledger.Ledger { return o.book }

type failing struct {
	ledger.Ledger

	err error
}

func (f *failing) Claim(ctx context.Context, c []ledger.Claim) ([]ledger.Grant, error) {
	if f.err != nil {
		return nil, f.err
	}
	return f.Ledger.Claim(ctx, c)
}

// lasting is an error that does not pass by itself.
type lasting struct{ error }

func (lasting) Temporary() bool { return false }

// TestLedgerAway: a job whose mail could not be claimed waits, also when an operator must mend the ledger: the mail is not to blame.
func TestLedgerAway(t *testing.T) {
	for _, away := range []error{errors.New("no route"), lasting{errors.New("disk full")}, fmt.Errorf("ledger: %w", context.DeadlineExceeded)} {
		t.Run(away.Error(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				engine := offBook{queue.NewMemory(), &failing{ledger.NewMemory(), away}}
				q, err := queue.New(engine, queue.Config{})
				if err != nil {
					t.Fatal(err)
				}
				enqueue(t, q, mail(t, "a@example.org"), queue.Job{Key: "k"})
				relay := stub.New()
				w := queue.Work(q, relay)
				w.Backoff = func(int) time.Duration { return time.Minute }
				if runDue(t, w); state(t, q) != "k waiting 1; " || len(relay.Calls()) > 0 {
					t.Errorf("%s, %d calls", state(t, q), len(relay.Calls()))
				}
				engine.book.err = nil
				time.Sleep(time.Minute)
				if runDue(t, w); state(t, q) != "" {
					t.Error(state(t, q))
				}
			})
		})
	}
}
