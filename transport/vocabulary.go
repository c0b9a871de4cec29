package transport

import "github.com/depeche-mail/depeche/transport/outcome"

// The words for what became of a mail. They are declared in package outcome, which one connection (package
// client) uses too.
type (
	// Outcome is what is known of one recipient after an attempt.
	Outcome = outcome.Outcome
	// RecipientResult is what became of one recipient.
	RecipientResult = outcome.RecipientResult
	// Reply is a server's answer: three digits, an enhanced status code and text.
	Reply = outcome.Reply
	// Phase is the step of an attempt in which something happened.
	Phase = outcome.Phase
	// Fault says who or what is meant by a refusal.
	Fault = outcome.Fault
	// Timing says how long the phases of an attempt took, or of several together.
	Timing = outcome.Timing
)

// The outcomes. The zero value is the harmless one.
const (
	// NotSent: the message did not reach the server for this recipient, and nothing was refused.
	NotSent = outcome.NotSent
	// Accepted: the server took responsibility for delivery to this recipient.
	Accepted = outcome.Accepted
	// Rejected: the server refused for good (5yz).
	Rejected = outcome.Rejected
	// Deferred: the server refused for now: by 4yz, or by 5yz because a quota or a rate of the account is used up.
	Deferred = outcome.Deferred
	// Unknown: the whole message may have left, but the answer did not come. It is delivered or it
	// is not; sending it again may deliver it twice.
	Unknown = outcome.Unknown
)

// The phases in the order in which a relay goes through them.
const (
	PhaseMessage  = outcome.PhaseMessage
	PhaseWait     = outcome.PhaseWait
	PhaseDial     = outcome.PhaseDial
	PhaseTLS      = outcome.PhaseTLS
	PhaseGreeting = outcome.PhaseGreeting
	PhaseHello    = outcome.PhaseHello
	PhaseAuth     = outcome.PhaseAuth
	PhaseMail     = outcome.PhaseMail
	PhaseRcpt     = outcome.PhaseRcpt
	PhaseData     = outcome.PhaseData
	PhaseBody     = outcome.PhaseBody
	PhaseFinal    = outcome.PhaseFinal
	PhaseReset    = outcome.PhaseReset
	PhaseQuit     = outcome.PhaseQuit
)

// Who is meant by a refusal. The zero value claims nothing.
const (
	FaultUnknown   = outcome.FaultUnknown
	FaultRecipient = outcome.FaultRecipient
	FaultSender    = outcome.FaultSender
	FaultMessage   = outcome.FaultMessage
	FaultRelay     = outcome.FaultRelay
	FaultAccount   = outcome.FaultAccount
	FaultPolicy    = outcome.FaultPolicy
)

// FaultOf says who is meant by a refusal, from the phase in which it came, its codes and its text; see
// docs/outcomes.md for the rules. shared says that the reply answers for several recipients at once. A transport
// calls it for each reply that becomes a result, and [ResolveFaults] when all are there.
func FaultOf(phase Phase, reply Reply, shared bool) Fault {
	return outcome.FaultOf(phase, reply, shared)
}

// ResolveFaults decides what one reply alone leaves open: that every recipient got a refusal about the protocol
// is about the session and so about the relay.
func ResolveFaults(recipients []RecipientResult) { outcome.ResolveFaults(recipients) }
