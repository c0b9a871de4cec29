package client

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// Mail is what a transaction sends: transport.Mail has these methods. What it knows of itself through
// Size, Needs8BitMIME and NeedsSMTPUTF8 need not be found out by reading it once more. One whose
// NeedsBinaryMIME returns true may hold any octets; it goes to servers with BINARYMIME only, by BDAT.
type Mail interface {
	Envelope() envelope.Envelope
	WriteTo(w io.Writer) (int64, error) // repeatable: every call writes the same octets
}

// Fate is what became of one recipient.
type Fate uint8

// The fates. The zero value is the harmless one.
const (
	NotSent  Fate = iota // the content did not reach the server, and nothing was refused
	Accepted             // the server took responsibility (2yz to the whole content)
	Refused              // the server said no, for now (4yz) or for good (5yz)
	Unknown              // the whole content may have left and the verdict did not come
)

var fateNames = [...]string{"not sent", "accepted", "refused", "unknown"}

// String returns the fate in lower case.
func (f Fate) String() string {
	if int(f) < len(fateNames) {
		return fateNames[f]
	}
	return fmt.Sprintf("fate %d", uint8(f))
}

// Verdict is the fate of one recipient and the reply that decided it.
type Verdict struct {
	Fate     Fate
	Response response.Response // zero when no reply about this recipient came
}

// Receipt is what is known after an attempt to send one mail.
type Receipt struct {
	// Verdicts has one entry per recipient, in envelope order.
	Verdicts []Verdict
	// Err is nil if and only if every recipient was accepted. It says where and why the first one
	// was lost.
	Err *Error
	// Envelope is the time from MAIL to the last reply before the content, Body that of writing the
	// content, Final that from its end to the verdict. Phases that share a flight share their time.
	Envelope, Body, Final time.Duration

	one [1]Verdict // of most mails
}

// reset makes r the receipt of a mail to n recipients.
func (r *Receipt) reset(n int) {
	*r = Receipt{}
	if n <= len(r.one) {
		r.Verdicts = r.one[:n]
	} else {
		r.Verdicts = make([]Verdict, n)
	}
}

// count returns how many recipients have the fate.
func (r *Receipt) count(f Fate) int {
	n := 0
	for i := range r.Verdicts {
		if r.Verdicts[i].Fate == f {
			n++
		}
	}
	return n
}

// Stale reports whether the connection proved dead before it had taken anything: nobody was accepted
// or refused, nothing is uncertain, and neither the mail nor the caller is to blame. The same mail
// can be sent over another connection without a risk. A server that says goodbye with 421 before it
// looks at the mail counts as dead, and so does one that refuses RSET.
func (r *Receipt) Stale() bool {
	switch {
	case r.Err == nil || r.count(Accepted)+r.count(Unknown) > 0:
		return false
	case r.Err.Response.Code == response.ServiceUnavailable:
		return r.Err.Phase == PhaseReset || r.Err.Phase == PhaseMail
	case r.count(Refused) > 0:
		return false
	case r.Err.Phase == PhaseReset: // refused, so the connection was worth nothing
		return true
	}
	return r.Err.Phase != PhaseMessage && !errors.As(r.Err.Err, new(*contentError))
}
