package policy

import (
	"testing"

	"github.com/depeche-mail/depeche/transport"
	"github.com/google/go-cmp/cmp"
)

// TestMergeOutcome: what is known of a recipient after one more attempt over another relay.
func TestMergeOutcome(t *testing.T) {
	const notSent, accepted, rejected, deferred, unknown = transport.NotSent, transport.Accepted, transport.Rejected, transport.Deferred, transport.Unknown
	outcomes := []transport.Outcome{notSent, accepted, rejected, deferred, unknown}
	want := map[transport.Outcome][]transport.Outcome{ // before: after an attempt with each of outcomes
		notSent:  {notSent, accepted, rejected, deferred, unknown},
		accepted: {accepted, accepted, accepted, accepted, accepted},
		rejected: {notSent, accepted, rejected, deferred, unknown},
		deferred: {deferred, accepted, rejected, deferred, unknown},
		unknown:  {unknown, accepted, unknown, unknown, unknown},
	}
	got := map[transport.Outcome][]transport.Outcome{}
	for _, before := range outcomes {
		for _, after := range outcomes {
			merged := mergeOutcome(transport.RecipientResult{Outcome: before, Relay: "a"}, transport.RecipientResult{Outcome: after, Relay: "b"})
			got[before] = append(got[before], merged.Outcome)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// A refusal that is about the second relay says nothing about what the first one will say later.
	before := transport.RecipientResult{Outcome: deferred, Relay: "a"}
	for fault, want := range map[transport.Fault]transport.Outcome{
		transport.FaultRelay: deferred, transport.FaultAccount: deferred, transport.FaultPolicy: deferred,
		transport.FaultRecipient: rejected, transport.FaultMessage: rejected, transport.FaultSender: rejected,
	} {
		if got := mergeOutcome(before, transport.RecipientResult{Outcome: rejected, Relay: "b", Fault: fault}); got.Outcome != want {
			t.Errorf("rejected by fault of the %v: %v, want %v", fault, got.Outcome, want)
		}
	}
}
