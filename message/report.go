package message

import (
	"io"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/mimewire"
	"github.com/depeche-mail/depeche/internal/xtext"
)

// DeliveryStatus is what a delivery report says (RFC 3464 section 2). Empty fields are left out.
type DeliveryStatus struct {
	ReportingMTA string // a host name
	EnvelopeID   string
	Arrival      time.Time
	Recipients   []RecipientStatus
}

// RecipientStatus is what a delivery report says about a recipient.
type RecipientStatus struct {
	Original, Final envelope.Address
	Action          Action
	Status          string // an enhanced status code such as "5.1.1"
	RemoteMTA       string // a host name
	Diagnostic      string // the reply of an SMTP server
	LastAttempt     time.Time
}

// Action is what became of a message for a recipient (RFC 3464 section 2.3.3).
type Action string

// The values of Action.
const (
	ActionFailed    Action = "failed"    // it was not delivered, and will not be
	ActionDelayed   Action = "delayed"   // it was not delivered yet
	ActionDelivered Action = "delivered" // into the mailbox
	ActionRelayed   Action = "relayed"   // to a server that sends no reports
	ActionExpanded  Action = "expanded"  // to the members of a list
)

// DeliveryReport returns a report to the sender of a message (RFC 6522): a text for people, the
// status for programs, and the message it is about, which may be nil.
func DeliveryReport(text Part, status DeliveryStatus, original io.WriterTo) Part {
	var b fieldBlock
	b.fault = status.check()
	b.typed("Reporting-MTA", "dns", status.ReportingMTA)
	b.add("Original-Envelope-Id", status.EnvelopeID)
	b.time("Arrival-Date", status.Arrival)
	for _, r := range status.Recipients {
		b.next()
		b.address("Original-Recipient", r.Original)
		b.address("Final-Recipient", r.Final)
		b.add("Action", string(r.Action))
		b.add("Status", r.Status)
		b.typed("Remote-MTA", "dns", r.RemoteMTA)
		b.diagnostic(r.Diagnostic)
		b.time("Last-Attempt-Date", r.LastAttempt)
	}
	return report("delivery-status", text, b, original)
}

// MDN is what a reader's receipt says (RFC 8098 section 3). Empty fields are left out.
type MDN struct {
	ReportingUA       string
	Original, Final   envelope.Address
	OriginalMessageID string
	Disposition       Disposition
}

// Disposition is how a message was dealt with: by whom, how the receipt was sent, and what happened (RFC 8098
// section 3.2.6). Other combinations than these are written the same way.
type Disposition string

// Usual values of Disposition.
const (
	DisplayedByPerson  Disposition = "manual-action/MDN-sent-manually; displayed"
	DisplayedByProgram Disposition = "manual-action/MDN-sent-automatically; displayed"
	DeletedByPerson    Disposition = "manual-action/MDN-sent-manually; deleted"
	DeletedByProgram   Disposition = "automatic-action/MDN-sent-automatically; deleted"
	ProcessedByProgram Disposition = "automatic-action/MDN-sent-automatically; processed"
)

// MDNReport returns the answer to Disposition-Notification-To: a text for people, the
// disposition for programs, and the message it is about, which may be nil.
func MDNReport(text Part, d MDN, original io.WriterTo) Part {
	var b fieldBlock
	b.fault = d.check()
	b.add("Reporting-UA", d.ReportingUA)
	b.address("Original-Recipient", d.Original)
	b.address("Final-Recipient", d.Final)
	b.add("Original-Message-ID", d.OriginalMessageID)
	b.add("Disposition", string(d.Disposition))
	return report("disposition-notification", text, b, original)
}

func report(kind string, text Part, b fieldBlock, original io.WriterTo) Part {
	media := "message/" + kind
	if b.global {
		media = "message/global-" + kind // RFC 6533 section 4
	}
	machine := Part{body: textBody{}, media: media, text: string(b.Dst), fault: b.fault}
	parts := []Part{text, machine}
	if original != nil {
		whole := AttachedMessage(original)
		whole.disposition = ""
		parts = append(parts, whole)
	}
	return multipart("report", parts).Param("report-type", kind)
}

// fieldBlock writes fields the way a header section does. Words that a field can't hold are an error
// of the part, so that no text adds fields by way of a diagnostic text.
type fieldBlock struct {
	addressFolder
	fault  error // about the first field that can't be written
	global bool  // a field is in UTF-8
}

// diagnostic writes the reply of a server, which may be in UTF-8 (RFC 6533 section 4).
func (b *fieldBlock) diagnostic(reply string) {
	if mimewire.IsASCII(reply) {
		b.typed("Diagnostic-Code", "smtp", reply)
		return
	}
	if err := mimewire.CheckText(reply); err != nil {
		if b.fault == nil {
			b.fault = &FieldError{Field: "Diagnostic-Code", Value: reply, Err: err}
		}
		return
	}
	b.global = true
	b.Words("Diagnostic-Code", append([]string{"smtp;"}, strings.Fields(reply)...)...)
}

func (b *fieldBlock) add(name, value string) {
	if value == "" {
		return
	}
	if err := checkRaw(value); err != nil {
		if b.fault == nil {
			b.fault = &FieldError{Field: name, Value: value, Err: err}
		}
		return
	}
	b.Words(name, strings.Fields(value)...)
}

func (b *fieldBlock) typed(name, kind, value string) {
	if value != "" {
		b.add(name, kind+"; "+value)
	}
}

func (b *fieldBlock) address(name string, a envelope.Address) {
	switch {
	case a.IsNull():
	case a.IsPostmaster():
		b.typed(name, "rfc822", a.LocalPart())
	case a.NeedsSMTPUTF8(): // RFC 6533 section 3
		b.typed(name, "utf-8", string(xtext.AppendUTF8(nil, a.String())))
	default:
		b.typed(name, "rfc822", a.String())
	}
}

func (b *fieldBlock) time(name string, t time.Time) {
	if !t.IsZero() {
		b.add(name, t.Format(mimewire.DateLayout))
	}
}

// next begins the fields about the next recipient.
func (b *fieldBlock) next() { b.Dst = append(b.Dst, '\r', '\n') }
