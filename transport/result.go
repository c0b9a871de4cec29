package transport

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/envelope"
)

// Result is what is known after an attempt. It belongs to the caller.
type Result struct {
	// Recipients has one entry per recipient of the envelope, in its order.
	Recipients []RecipientResult `json:"recipients"`
	// MessageID is the Message-ID of the mail with its angle brackets, "" when unknown.
	MessageID string `json:"message_id,omitempty"`
	// QueueID is what the relay calls the message in its logs, "" when it did not say.
	QueueID string `json:"queue_id,omitempty"`
	// Relay names the transport that had the last word, such as "smtp.example.org:465". Where several
	// took part that is the last of them, and each recipient names his own.
	Relay string `json:"relay,omitempty"`
	// Timing is how long the phases took.
	Timing Timing `json:"timing,omitzero"`
}

// RecipientResult is the fate of one recipient.
type RecipientResult struct {
	Address envelope.Address `json:"address"`
	Outcome Outcome          `json:"outcome"`
	// Reply is the server's answer that decided the outcome; its zero value means that no answer
	// about this recipient came.
	Reply Reply `json:"reply,omitzero"`
	// Relay names the transport that had the last word on this recipient. A relay itself names itself
	// only in the Result; the transports that send over others name it here, and leave it "" for a
	// recipient for whom none was asked.
	Relay string `json:"relay,omitempty"`
}

// Timing says how long the phases of an attempt took, or of several together. Phases that did not
// happen are zero.
type Timing struct {
	Wait     time.Duration `json:"wait,omitempty"`     // for a free connection
	Connect  time.Duration `json:"connect,omitempty"`  // dial, greeting, EHLO, TLS and AUTH; 0 on a reused connection
	Envelope time.Duration `json:"envelope,omitempty"` // from MAIL to the last reply before the body
	Body     time.Duration `json:"body,omitempty"`     // writing the content
	Final    time.Duration `json:"final,omitempty"`    // from the end of the content to the verdict
}

// Plus returns the sum of the phases of two attempts.
func (t Timing) Plus(more Timing) Timing {
	return Timing{
		Wait: t.Wait + more.Wait, Connect: t.Connect + more.Connect, Envelope: t.Envelope + more.Envelope,
		Body: t.Body + more.Body, Final: t.Final + more.Final,
	}
}

// NewResult returns a Result in which every recipient of env has the same outcome and reply.
func NewResult(env envelope.Envelope, outcome Outcome, reply Reply) *Result {
	r := &Result{Recipients: make([]RecipientResult, env.Len())}
	for i := range r.Recipients {
		r.Recipients[i] = RecipientResult{Address: env.At(i).Address, Outcome: outcome, Reply: reply}
	}
	return r
}

// Count returns how many recipients have the outcome.
func (r *Result) Count(outcome Outcome) int {
	n := 0
	for i := range r.Recipients {
		if r.Recipients[i].Outcome == outcome {
			n++
		}
	}
	return n
}

// Clone returns a copy whose recipients can be changed without changing r.
func (r *Result) Clone() *Result {
	own := *r
	own.Recipients = slices.Clone(r.Recipients)
	return &own
}

// AllAccepted reports whether every recipient was accepted.
func (r *Result) AllAccepted() bool { return r.Count(Accepted) == len(r.Recipients) }

// Reply is a server's answer: three digits, an enhanced status code and text.
type Reply struct {
	Code     int      `json:"code,omitempty"`     // 250, 550 ...; for sendmail the exit status
	Enhanced string   `json:"enhanced,omitempty"` // "5.1.1" (RFC 3463), "" when not given
	Lines    []string `json:"lines,omitempty"`    // the text, one entry per line, made printable
}

// IsZero reports whether there was no answer.
func (r Reply) IsZero() bool { return r.Code == 0 && r.Enhanced == "" && len(r.Lines) == 0 }

// String returns the answer on one line, such as "550 5.1.1 no such user".
func (r Reply) String() string {
	if r.IsZero() {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%03d", r.Code)
	if r.Enhanced != "" {
		b.WriteString(" " + r.Enhanced)
	}
	if text := strings.Join(r.Lines, " "); text != "" {
		b.WriteString(" " + text)
	}
	return b.String()
}
