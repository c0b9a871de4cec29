package ledger

import (
	"context"

	"github.com/depeche-mail/depeche/transport"
)

// The decisions of [Once], of which it tells the observers of ctx; see [transport.Observer].
const (
	// DecisionReplay: Recipients recipients are not sent to, because an earlier send ended for them; State is how, if it
	// is the same for all.
	DecisionReplay transport.DecisionKind = "ledger.replay"
	// DecisionBusy: Recipients recipients are not sent to, because another send of the key is under way.
	DecisionBusy transport.DecisionKind = "ledger.busy"
	// DecisionRefuse: nothing is sent, because the ledger did not allow it; Err says why, such as ErrKeyReused.
	DecisionRefuse transport.DecisionKind = "ledger.refuse"
	// DecisionUnwritten: how the mail ended could not be written down, so a later run finds it in doubt; Err says why.
	DecisionUnwritten transport.DecisionKind = "ledger.unwritten"
)

// tellClaim tells what the ledger answered about a mail.
func (s *sending) tellClaim(ctx context.Context) {
	if !transport.Observed(ctx) {
		return
	}
	replayed, busy, state := 0, 0, ""
	for i := range s.grants {
		switch g := &s.grants[i]; g.Answer {
		case Replay:
			if outcome := g.Fate.Outcome.String(); replayed == 0 {
				state = outcome
			} else if outcome != state {
				state = ""
			}
			replayed++
		case Busy:
			busy++
		case Reused:
			transport.Tell(ctx, transport.Decision{Kind: DecisionRefuse, Mail: s.mail, Recipients: len(s.grants), Err: ErrKeyReused})
			return
		}
	}
	if replayed > 0 {
		transport.Tell(ctx, transport.Decision{Kind: DecisionReplay, Mail: s.mail, Recipients: replayed, State: state})
	}
	if busy > 0 {
		transport.Tell(ctx, transport.Decision{Kind: DecisionBusy, Mail: s.mail, Recipients: busy, Err: ErrBusy})
	}
}
