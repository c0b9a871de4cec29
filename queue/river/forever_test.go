package river_test

import (
	"errors"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/queue/river"
	"github.com/depeche-mail/depeche/transport"
)

// TestForever: a process that looks at a queue and does not know its window deletes nothing, and what it writes has no end.
func TestForever(t *testing.T) {
	pool := newPool(t, newDatabase(t))
	const day = 24 * time.Hour
	e, err := river.Open(t.Context(), pool, river.Options{Window: 90 * day})
	if err != nil {
		t.Fatal(err)
	}
	put(t, e, "sent")
	sent := claim(t, e.Ledger(), "sent")
	err = errors.Join(e.Settle(t.Context(), []queue.Settlement{{Taken: take(t, e)[0], Do: queue.Done}}), e.Ledger().End(t.Context(), []ledger.Ended{
		{Grant: sent, Fate: ledger.Fate{Outcome: transport.Accepted}},
		{Grant: claim(t, e.Ledger(), "doubt"), Fate: ledger.Fate{Outcome: transport.Unknown}},
	}), e.Close())
	for _, sql := range []string{
		"update depeche_mail set ended_at = now() - interval '20 days'",
		"update river_job set finalized_at = now() - interval '20 days'",
		"update depeche_ledger set keep_until = keep_until - interval '20 days'",
	} {
		if err == nil {
			_, err = pool.Exec(t.Context(), sql)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	looker, err := river.Open(t.Context(), pool, river.Options{Window: ledger.Forever})
	if err != nil {
		t.Fatal(err)
	}
	resolve := looker.Ledger().(ledger.Book).Resolve
	err = errors.Join(looker.Sweep(t.Context()), resolve(t.Context(), "doubt", sent.Recipient, transport.Accepted), looker.Close())
	if err != nil {
		t.Fatal(err)
	}
	for sql, want := range map[string]int{
		"select count(*) from depeche_mail":                            1,
		"select count(*) from river_job":                               1,
		"select count(*) from depeche_ledger where key = 'sent'":       1,
		"select count(*) from depeche_ledger where keep_until is null": 1,
		"select count(*) from depeche_ledger where keep_until > now()": 1,
	} {
		var got int
		if err := pool.QueryRow(t.Context(), sql).Scan(&got); err != nil || got != want {
			t.Errorf("%s: %d, want %d, %v", sql, got, want, err)
		}
	}
}
