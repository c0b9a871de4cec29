package outcome

import "fmt"

// Outcome is what is known of one recipient after an attempt.
type Outcome uint8

// The outcomes. The zero value is the harmless one.
const (
	// NotSent: the message did not reach the server for this recipient, and nothing was refused.
	NotSent Outcome = iota
	// Accepted: the server took responsibility for delivery to this recipient.
	Accepted
	// Rejected: the server refused for good (5yz).
	Rejected
	// Deferred: the server refused for now: by 4yz, or by 5yz because a quota or a rate of the account is used up.
	Deferred
	// Unknown: the whole message may have left, but the answer did not come. It is delivered or it
	// is not; sending it again may deliver it twice.
	Unknown
)

var outcomeNames = [...]string{"not sent", "accepted", "rejected", "deferred", "unknown"}

// String returns the outcome in lower case.
func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return fmt.Sprintf("outcome %d", uint8(o))
}

// MarshalText returns what String returns.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (o *Outcome) UnmarshalText(text []byte) error {
	for i, name := range outcomeNames {
		if name == string(text) {
			*o = Outcome(i)
			return nil
		}
	}
	return fmt.Errorf("%q is not an outcome", text)
}
