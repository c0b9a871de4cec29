package bolt

import (
	"path/filepath"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/transport"
)

// TestClaimWhileResolved: a send of a key that is just being resolved waits; it is not told that the key is another mail's.
func TestClaimWhileResolved(t *testing.T) {
	l, err := Open(filepath.Join(t.TempDir(), "mail.ledger"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	to, err := envelope.NewAddress("a", "example.org")
	if err != nil {
		t.Fatal(err)
	}
	claim := []ledger.Claim{{Key: "k", Recipient: to, Digest: ledger.Digest{1}}}
	grants, err := l.Claim(t.Context(), claim)
	if err == nil {
		err = l.Ending(t.Context(), grants)
	}
	if err == nil {
		err = l.End(t.Context(), []ledger.Ended{{Grant: grants[0], Fate: ledger.Fate{Outcome: transport.Unknown}}})
	}
	if err != nil {
		t.Fatal(err)
	}
	written, err := l.startResolve(t.Context(), l.place("k", to), to, transport.Accepted)
	if err != nil {
		t.Fatal(err)
	}
	grants, err = l.Claim(t.Context(), claim)
	if err != nil || grants[0].Answer != ledger.Busy {
		t.Errorf("%v, %v", grants, err)
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
}
