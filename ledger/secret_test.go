package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/ledger"
)

// TestSecret: a store is read with the secret that it was made with, and keeps no more of the caller's than what recognises it. What is kept
// of addresses depends on the secret.
func TestSecret(t *testing.T) {
	to, err := envelope.ParseAddress("a@example.org")
	if err != nil {
		t.Fatal(err)
	}
	digest := ledger.NewDigest(to, to, "")
	seen := map[string]bool{string(digest[:]): true}
	for _, made := range []string{"", "one", "two"} {
		kept, err := ledger.NewSecret([]byte(made))
		if err != nil || made != "" && bytes.Contains(kept, []byte(made)) {
			t.Errorf("kept %q, %v", kept, err)
		}
		for _, callers := range []string{"", "one", "two"} {
			s, err := ledger.ReadSecret(kept, []byte(callers))
			if fits := made == callers; fits != (err == nil) || !fits && !errors.Is(err, ledger.ErrSecret) {
				t.Errorf("made with %q, read with %q: %v", made, callers, err)
			}
			if err != nil {
				continue
			}
			hidden := s.Digest(digest)
			for _, text := range []string{string(hidden[:]), string(s.Recipient(to))} {
				if seen[text] {
					t.Errorf("with %q the same is kept as with another secret, or none", made)
				}
				seen[text] = true
			}
			if again, err := ledger.ReadSecret(kept, []byte(callers)); err != nil || again.Digest(digest) != hidden || s.Claim(ledger.Claim{Digest: digest}).Digest != hidden {
				t.Errorf("the next time: %v", err)
			}
			if text := fmt.Sprintf("%+v %#v", s, s); made != "" && (strings.Contains(text, made) || strings.Contains(text, fmt.Sprint([]byte(made)))) {
				t.Errorf("printed: %s", text)
			}
		}
	}
	if zero := (ledger.Secret{}); zero.Digest(digest) == digest || len(zero.Recipient(to)) != 16 {
		t.Error("a Secret without a key")
	}
}
