package outcome

import "fmt"

// Fault says who or what is meant by a refusal: the recipient, the sender, the message, the relay, the account
// or a policy. Only FaultRecipient speaks of the address; see docs/outcomes.md for how it is found.
type Fault uint8

// The faults. The zero value claims nothing.
const (
	// FaultUnknown: there was no refusal, or the answer does not say who is meant.
	FaultUnknown Fault = iota
	// FaultRecipient: this address does not exist, is full, or takes no mail.
	FaultRecipient
	// FaultSender: the sender's address is refused.
	FaultSender
	// FaultMessage: the message itself is refused: its size, its form or its content.
	FaultMessage
	// FaultRelay: the relay, or a host that it passes mail on to, cannot serve at the moment, or does not serve this route.
	FaultRelay
	// FaultAccount: the login, its quota or its rights are refused.
	FaultAccount
	// FaultPolicy: a rule of the receiving side about reputation, authentication or content.
	FaultPolicy
)

var faultNames = [...]string{"unknown", "recipient", "sender", "message", "relay", "account", "policy"}

// String returns the fault in lower case.
func (f Fault) String() string {
	if int(f) < len(faultNames) {
		return faultNames[f]
	}
	return fmt.Sprintf("fault %d", uint8(f))
}

// MarshalText returns what String returns.
func (f Fault) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (f *Fault) UnmarshalText(text []byte) error {
	for i, name := range faultNames {
		if name == string(text) {
			*f = Fault(i)
			return nil
		}
	}
	return fmt.Errorf("%q is not a fault", text)
}
