package envelope

import (
	"errors"
	"strings"
	"time"
)

// Options is what the sender asks of the servers on the way. The zero value asks for nothing.
// A transport that cannot pass a wish on refuses the message instead of dropping the wish.
type Options struct {
	// DSNReturn says how much of the message a delivery status notification carries back
	// (RET, RFC 3461 section 4.3).
	DSNReturn DSNReturn `json:"return,omitempty"`
	// EnvelopeID comes back in delivery status notifications (ENVID, RFC 3461 section 4.4):
	// printable ASCII, at most 100 octets after its escaping.
	EnvelopeID string `json:"envelope_id,omitempty"`
	// RequireTLS demands verified TLS on every hop (RFC 8689).
	RequireTLS bool `json:"require_tls,omitempty"`
	// HoldFor asks the server to keep the message back for a time, HoldUntil until a time
	// (RFC 4865). At most one may be set.
	HoldFor   time.Duration `json:"hold_for,omitempty"`
	HoldUntil time.Time     `json:"hold_until,omitzero"`
	// DeliverBy limits the time of delivery (RFC 2852).
	DeliverBy DeliverBy `json:"deliver_by,omitzero"`
	// Priority is the MT-PRIORITY of RFC 6710, from -9 to 9; 0 asks for nothing.
	Priority int `json:"priority,omitempty"`
	// Submitter is the identity behind the message as known to the sender
	// (AUTH=, RFC 4954 section 5).
	Submitter Address `json:"submitter,omitzero"`
}

// DSNReturn is how much of a message its delivery status notifications carry.
type DSNReturn string

// The values of RET; the zero value leaves the choice to the server.
const (
	ReturnFull    DSNReturn = "FULL" // the whole message
	ReturnHeaders DSNReturn = "HDRS" // its header section
)

// DeliverBy is a time limit for delivery.
type DeliverBy struct {
	Within time.Duration `json:"within"`           // whole seconds; may be negative with Notify
	Notify bool          `json:"notify,omitempty"` // notify when late instead of returning the message
	Trace  bool          `json:"trace,omitempty"`  // ask for notifications from relays as well
}

// Notify says which delivery events of a recipient the sender wants to hear of
// (NOTIFY, RFC 3461 section 4.1). The zero value leaves the choice to the server.
type Notify uint8

// Notification events; NotifyNever stands alone, the others combine with |.
const (
	NotifyNever Notify = 1 << iota
	NotifySuccess
	NotifyFailure
	NotifyDelay
)

// String returns the value as NOTIFY= writes it.
func (n Notify) String() string {
	var names []string
	for i, name := range []string{"NEVER", "SUCCESS", "FAILURE", "DELAY"} {
		if n&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}

func (n Notify) check() error {
	if n&NotifyNever != 0 && n != NotifyNever || n >= NotifyDelay<<1 {
		return errors.New("NotifyNever cannot be combined with other events")
	}
	return nil
}

// check returns the first unusable field as a *FieldError.
func (d Options) check() error {
	fault := func(field, value, reason string) error {
		return &FieldError{Field: field, Value: value, Err: errors.New(reason)}
	}
	switch {
	case d.DSNReturn != "" && d.DSNReturn != ReturnFull && d.DSNReturn != ReturnHeaders:
		return fault("DSNReturn", string(d.DSNReturn), "want ReturnFull or ReturnHeaders")
	case len(d.EnvelopeID) > 100 || !isPrintable(d.EnvelopeID):
		return fault("EnvelopeID", d.EnvelopeID, "want at most 100 printable ASCII characters")
	case d.HoldFor < 0:
		return fault("HoldFor", d.HoldFor.String(), "want a positive duration")
	case d.HoldFor > 0 && !d.HoldUntil.IsZero():
		return fault("HoldUntil", d.HoldUntil.String(), "set HoldFor or HoldUntil, not both")
	case d.DeliverBy.Within <= 0 && !d.DeliverBy.Notify && d.DeliverBy != DeliverBy{}:
		return fault("DeliverBy", d.DeliverBy.Within.String(), "want a positive duration unless Notify is set")
	case d.Priority < -9 || d.Priority > 9:
		return fault("Priority", "", "want -9 to 9")
	}
	return nil
}

func isPrintable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}
