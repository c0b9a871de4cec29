package ledger_test

import (
	"testing"

	"github.com/depeche-mail/depeche/ledger"
)

// TestDigest: the parts of a digest do not run into each other.
func TestDigest(t *testing.T) {
	a, b, ab := address(t, "a@example.org"), address(t, "b@example.org"), address(t, "a@example.orgb")
	seen := map[ledger.Digest]string{}
	for name, d := range map[string]ledger.Digest{
		"a b":       ledger.NewDigest(a, b, ""),
		"b a":       ledger.NewDigest(b, a, ""),
		"a b f":     ledger.NewDigest(a, b, "f"),
		"ab, cut":   ledger.NewDigest(a, b, "@example.org"),
		"ab, whole": ledger.NewDigest(ab, address(t, "x@example.org"), "@example.org"),
	} {
		if other, ok := seen[d]; ok {
			t.Errorf("%s and %s have one digest", name, other)
		}
		seen[d] = name
	}
	if ledger.NewDigest(a, b, "f") != ledger.NewDigest(a, b, "f") {
		t.Error("the digest of one mail differs")
	}
	if ledger.NewDigest(a, address(t, "b@example.org"), "1x") == ledger.NewDigest(a, address(t, "b@example.org1"), "x") {
		t.Error("a recipient and a fingerprint run into each other")
	}
}
