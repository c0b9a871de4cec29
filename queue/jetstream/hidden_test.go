package jetstream

import (
	"errors"
	"testing"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/queue"
)

// TestHidden: what is kept of the digest of a mail, in its job and in the ledger, is under the secret of the queue, which all processes must have.
func TestHidden(t *testing.T) {
	connect, digest := serve(t), ledger.Digest{1}
	s := Over(connect())
	s.Secret = []byte("kept elsewhere")
	e := open(t, s)
	if _, err := e.Put(t.Context(), []queue.Entry{{Job: queue.Job{Key: "k"}, Digest: digest}}); err != nil {
		t.Fatal(err)
	}
	for job, err := range e.List(t.Context()) {
		if err != nil || job.Digest == digest {
			t.Errorf("the digest of the job is kept as it is, %v", err)
		}
	}
	claims := claimsOf(t, "k")
	claims[0].Digest = digest
	if _, err := e.book.Claim(t.Context(), claims); err != nil {
		t.Fatal(err)
	}
	r, err := e.book.stream.readOne(t.Context(), e.book.place("k", claims[0].Recipient))
	if err != nil {
		t.Fatal(err)
	}
	if entry, _, err := entryOf(r); err != nil || entry.Digest == digest {
		t.Errorf("the ledger keeps the digest as it is, %v", err)
	}
	if _, err := Over(connect()).Open(t.Context()); !errors.Is(err, ledger.ErrSecret) {
		t.Errorf("opened without the secret: %v", err)
	}
}
