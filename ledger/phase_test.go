package ledger_test

import (
	"errors"
	"testing"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/stub"
)

// TestOnceReplayedPhase: a refusal that is replayed says in which phase it came, as the first result did.
func TestOnceReplayedPhase(t *testing.T) {
	for _, phase := range []transport.Phase{transport.PhaseMail, transport.PhaseRcpt, transport.PhaseFinal} {
		relay := stub.New().Next(stub.Reject(phase, 550, "no"))
		once, err := ledger.Once{Next: relay, Ledger: ledger.NewMemory()}.Build()
		if err != nil {
			t.Fatal(err)
		}
		for _, when := range []string{"at first", "replayed"} {
			var failed *transport.SendError
			_, err := once.Send(t.Context(), keyed(t, "k", "a@example.org"))
			if !errors.As(err, &failed) || failed.Phase != phase || failed.Reply.Code != 550 {
				t.Errorf("%s: %v in phase %q, want %q", when, err, failed.Phase, phase)
			}
		}
	}
}
