package ledgertest

import (
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/transport"
)

func address(t *testing.T, s string) envelope.Address {
	t.Helper()
	a, err := envelope.ParseAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func newClaim(t *testing.T, key, to string) ledger.Claim {
	t.Helper()
	return ledger.Claim{Key: key, Recipient: address(t, to), Digest: ledger.Digest{1}}
}

// claim makes one claim.
func claim(t *testing.T, l ledger.Ledger, c ledger.Claim) ledger.Grant {
	t.Helper()
	grants, err := l.Claim(t.Context(), []ledger.Claim{c})
	if err != nil || len(grants) != 1 {
		t.Fatalf("Claim: %+v, %v", grants, err)
	}
	if grants[0].Key != c.Key || grants[0].Recipient != c.Recipient {
		t.Fatalf("the answer is about %q and %v", grants[0].Key, grants[0].Recipient)
	}
	return grants[0]
}

// mustSend makes one claim that must be granted.
func mustSend(t *testing.T, l ledger.Ledger, c ledger.Claim) ledger.Grant {
	t.Helper()
	g := claim(t, l, c)
	if g.Answer != ledger.Send || g.Fence == 0 {
		t.Fatalf("a claim that must be granted: %+v", g)
	}
	return g
}

func ending(t *testing.T, l ledger.Ledger, grants ...ledger.Grant) {
	t.Helper()
	if err := l.Ending(t.Context(), grants); err != nil {
		t.Fatal("Ending:", err)
	}
}

func end(t *testing.T, l ledger.Ledger, g ledger.Grant, fate ledger.Fate) {
	t.Helper()
	if err := l.End(t.Context(), []ledger.Ended{{Grant: g, Fate: fate}}); err != nil {
		t.Fatal("End:", err)
	}
}

func outcome(o transport.Outcome) ledger.Fate { return ledger.Fate{Outcome: o} }
