package bolt_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/depeche-mail/depeche/ledger"
	ledgerbolt "github.com/depeche-mail/depeche/ledger/bolt"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/queue/bolt"
)

// TestHidden: who reads the folder of a queue that seals finds no address, and no digest by which one could be guessed; the secret may be kept
// elsewhere.
func TestHidden(t *testing.T) {
	folder, digest := t.TempDir(), ledger.Digest{1}
	e, err := bolt.Open(folder, bolt.Options{Ledger: ledgerbolt.Options{Secret: []byte("kept elsewhere")}})
	if err != nil {
		t.Fatal(err)
	}
	q, err := queue.New(e, queue.Config{Secrets: [][]byte{make([]byte, 32)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Enqueue(t.Context(), mail(t, "customer@example.org"), queue.Job{Key: "sealed"}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Put(t.Context(), []queue.Entry{{Job: queue.Job{Key: "k"}, Digest: digest}}); err != nil {
		t.Fatal(err)
	}
	for job, err := range e.List(t.Context()) {
		if err != nil || job.Digest == digest {
			t.Errorf("the digest of %s is kept as it is, %v", job.Key, err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"queue.db", "ledger.db"} {
		if octets, err := os.ReadFile(filepath.Join(folder, name)); err != nil || bytes.Contains(octets, []byte("customer@")) {
			t.Errorf("%s has an address, %v", name, err)
		}
	}
	if _, err := bolt.Open(folder, bolt.Options{}); !errors.Is(err, ledger.ErrSecret) {
		t.Errorf("opened without the secret: %v", err)
	}
}
