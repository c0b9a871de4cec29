package river_test

import (
	"errors"
	"testing"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/queue/river"
)

// TestHidden: what is kept of the digest of a mail, in its job and in the ledger, is under the secret of the queue, which all processes must have.
func TestHidden(t *testing.T) {
	pool, digest := newPool(t, newDatabase(t)), ledger.Digest{1}
	if _, err := pool.Exec(t.Context(), "delete from depeche_meta where name = 'secret'"); err != nil { // that of the database that this one is a copy of
		t.Fatal(err)
	}
	e, err := river.Open(t.Context(), pool, river.Options{Secret: []byte("kept elsewhere")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := e.Put(t.Context(), []queue.Entry{{Job: queue.Job{Key: "k"}, Digest: digest}}); err != nil {
		t.Fatal(err)
	}
	for job, err := range e.List(t.Context()) {
		if err != nil || job.Digest == digest {
			t.Errorf("the digest of the job is kept as it is, %v", err)
		}
	}
	if _, err := e.Ledger().Claim(t.Context(), []ledger.Claim{{Key: "k", Recipient: recipient(t), Digest: digest}}); err != nil {
		t.Fatal(err)
	}
	var data, kept []byte
	err = pool.QueryRow(t.Context(), "select l.entry, m.digest from depeche_ledger l join depeche_mail m on l.key = m.key").Scan(&data, &kept)
	var entry ledger.Entry
	if err = errors.Join(err, entry.UnmarshalBinary(data)); err != nil || entry.Digest == digest || string(kept) == string(digest[:]) {
		t.Errorf("the database has the digest as it is, %v", err)
	}
	if _, err := river.Open(t.Context(), pool, river.Options{}); !errors.Is(err, ledger.ErrSecret) {
		t.Errorf("opened without the secret: %v", err)
	}
}
