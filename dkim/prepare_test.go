package dkim_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/dkim"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/stub"
	"github.com/google/go-cmp/cmp"
)

// TestPrepared: signed mail goes through Prepare, by Send and by SendAll, and what reaches the relay holds. A
// mail that changed after it was signed is not sent, in the phase in which it was written.
func TestPrepared(t *testing.T) {
	relay := stub.New()
	sender, err := policy.Prepare{Next: relay, Sign: build(t, signer())}.Build()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sender.Send(t.Context(), raw(t, full)); err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(full, "\n", "\r\n")
	bad := &changing{raw(t, full), []string{text, strings.Replace(text, "happy", "hippy", 1)}}
	mails := []transport.Mail{raw(t, full), bad, raw(t, full), raw(t, "no field\n\n")}
	for sent, err := range transport.SendAll(t.Context(), sender, slices.Values(mails)) {
		var failed *transport.SendError
		switch sent.Index {
		case 1:
			if !errors.As(err, &failed) || !errors.Is(err, dkim.ErrChanged) || failed.Phase != transport.PhaseBody || !failed.SafeToRetry() {
				t.Errorf("a changed mail: %v", err)
			}
		case 3:
			if !errors.As(err, &failed) || failed.Phase != transport.PhaseMessage || !failed.SafeToRetry() {
				t.Errorf("a mail that cannot be signed: %v", err)
			}
		default:
			if err != nil {
				t.Errorf("%d: %v", sent.Index, err)
			}
		}
	}
	messages := relay.Messages()
	if len(messages) != 3 {
		t.Errorf("%d messages", len(messages))
	}
	for _, m := range messages {
		if got := verify(t, verifier(), m.Data); !cmp.Equal(got, []string{"", ""}) {
			t.Errorf("%v", got)
		}
	}
}
