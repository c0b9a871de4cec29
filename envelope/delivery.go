package envelope

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/internal/xtext"
)

// Options is what the sender asks of the servers on the way. The zero value asks for nothing.
// A transport that cannot pass a wish on refuses the message instead of dropping the wish.
type Options struct {
	// DSNReturn says how much of the message a delivery status notification carries back
	// (RET, RFC 3461 section 4.3).
	DSNReturn DSNReturn `json:"return,omitempty"`
	// EnvelopeID comes back in delivery status notifications (ENVID, RFC 3461 section 4.4):
	// printable ASCII, at most 100 octets after escaping, in which a blank, + and = take three.
	EnvelopeID string `json:"envelope_id,omitempty"`
	// RequireTLS demands verified TLS on every hop (RFC 8689).
	RequireTLS bool `json:"require_tls,omitempty"`
	// HoldFor asks the server to keep the message back for a time, HoldUntil until a time
	// (RFC 4865), both rounded up to a second. At most one may be set.
	HoldFor   time.Duration `json:"hold_for,omitempty"`
	HoldUntil time.Time     `json:"hold_until,omitzero"`
	// DeliverBy limits the time of delivery (RFC 2852).
	DeliverBy DeliverBy `json:"deliver_by,omitzero"`
	// Priority is the MT-PRIORITY of RFC 6710, from -9 to 9; 0 asks for nothing.
	Priority int `json:"priority,omitempty"`
	// Submitter is the identity that submitted the message, as known to the sender
	// (AUTH=, RFC 4954 section 5).
	Submitter Address `json:"submitter,omitzero"`
	// MailParams and RcptParams are parameters of extensions that have no option here, for MAIL and for each RCPT:
	// KEYWORD or KEYWORD=value, separated by single blanks (RFC 5321 section 4.1.2). The server must offer an extension of
	// each keyword.
	MailParams string `json:"mail_params,omitempty"`
	RcptParams string `json:"rcpt_params,omitempty"`
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
	Within time.Duration `json:"within"`           // rounded down to a second; zero or negative only with Notify
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

var notifyNames = [...]string{"NEVER", "SUCCESS", "FAILURE", "DELAY"}

// String returns the value as NOTIFY= writes it.
func (n Notify) String() string { return string(n.AppendTo(nil)) }

// AppendTo appends the value as NOTIFY= writes it.
func (n Notify) AppendTo(dst []byte) []byte {
	start := len(dst)
	for i, name := range notifyNames {
		if n&(1<<i) == 0 {
			continue
		}
		if len(dst) > start {
			dst = append(dst, ',')
		}
		dst = append(dst, name...)
	}
	return dst
}

// Check returns an error for a combination that RFC 3461 does not know.
func (n Notify) Check() error {
	if n&NotifyNever != 0 && n != NotifyNever || n >= NotifyDelay<<1 {
		return errors.New("NotifyNever cannot be combined with other events")
	}
	return nil
}

// Seconds returns Within in whole seconds, rounded down, towards the stricter limit, also below zero.
func (d DeliverBy) Seconds() int64 {
	n := int64(d.Within / time.Second)
	if d.Within < 0 && d.Within%time.Second != 0 {
		n--
	}
	return n
}

// maxSeconds is the largest number of nine digits (RFC 2852 section 4, RFC 4865 section 3).
const maxSeconds = 999_999_999

func (d DeliverBy) check() error {
	n := d.Seconds()
	switch {
	case d == DeliverBy{}:
		return nil
	case n < -maxSeconds || n > maxSeconds:
		return errors.New("want at most 999999999 seconds")
	case n <= 0 && !d.Notify: // RFC 2852 section 4
		return errors.New("want at least a second unless Notify is set")
	}
	return nil
}

// HoldSeconds returns HoldFor in whole seconds, rounded up, so that no server releases the message early.
func (d Options) HoldSeconds() int64 {
	n := int64(d.HoldFor / time.Second)
	if d.HoldFor%time.Second > 0 {
		n++
	}
	return n
}

// HoldTime returns HoldUntil in UTC, rounded up to a second.
func (d Options) HoldTime() time.Time {
	up := d.HoldUntil.UTC().Truncate(time.Second)
	if up.Before(d.HoldUntil) {
		up = up.Add(time.Second)
	}
	return up
}

// Check returns the first field that no server may be sent, as a *[FieldError]. [NewWithOptions] calls it.
func (d Options) Check() error {
	fault := func(field, value, reason string) error {
		return &FieldError{Field: field, Value: value, Err: errors.New(reason)}
	}
	switch {
	case d.DSNReturn != "" && d.DSNReturn != ReturnFull && d.DSNReturn != ReturnHeaders:
		return fault("DSNReturn", string(d.DSNReturn), "want ReturnFull or ReturnHeaders")
	case !isPrintable(d.EnvelopeID):
		return fault("EnvelopeID", d.EnvelopeID, "want printable ASCII")
	case xtext.Len(d.EnvelopeID) > 100: // RFC 3461 section 4.4
		return fault("EnvelopeID", d.EnvelopeID, "want at most 100 octets after escaping; blanks, + and = count three each")
	case d.HoldFor < 0 || d.HoldSeconds() > maxSeconds:
		return fault("HoldFor", d.HoldFor.String(), "want a positive duration of at most 999999999 seconds")
	case d.HoldFor > 0 && !d.HoldUntil.IsZero(): // RFC 4865 section 4.2
		return fault("HoldUntil", d.HoldUntil.String(), "set HoldFor or HoldUntil, not both")
	case !d.HoldUntil.IsZero() && (d.HoldTime().Year() < 1 || d.HoldTime().Year() > 9999): // what RFC 3339 can write
		return fault("HoldUntil", d.HoldUntil.String(), "want a year from 1 to 9999")
	case d.Priority < -9 || d.Priority > 9: // RFC 6710 section 3
		return fault("Priority", strconv.Itoa(d.Priority), "want -9 to 9")
	case d.Submitter.IsPostmaster():
		return &FieldError{Field: "Submitter", Value: d.Submitter.String(), Err: ErrNoDomain}
	}
	for _, list := range [...]struct{ field, value string }{{"MailParams", d.MailParams}, {"RcptParams", d.RcptParams}} {
		if err := checkParams(list.value); err != nil {
			return &FieldError{Field: list.field, Value: list.value, Err: err}
		}
	}
	if err := d.DeliverBy.check(); err != nil {
		return fault("DeliverBy", d.DeliverBy.Within.String(), err.Error())
	}
	return nil
}

func isPrintable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}
