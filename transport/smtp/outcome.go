package smtp

import (
	"slices"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// report translates a receipt into the words of package transport.
func (t *Transport) report(mail transport.Mail, receipt *client.Result) (*transport.Result, error) {
	env := mail.Envelope()
	result, lines := newResult(len(receipt.Recipients))
	result.Identify(mail)
	result.Relay = t.config.Address
	result.Timing = transport.Timing{Envelope: receipt.Envelope, Body: receipt.Body, Final: receipt.Final}
	for i := range receipt.Recipients {
		v := &receipt.Recipients[i]
		r := &result.Recipients[i]
		r.Address, r.Outcome, r.Reply = env.At(i).Address, v.Outcome, reply(v.Response, lines)
		if v.Outcome == client.Rejected || v.Outcome == client.Deferred {
			m := t.dialect.Read(v.Phase, r.Reply, v.Shared, time.Now())
			r.Outcome, r.Fault, r.RetryAfter = m.Outcome, m.Fault, m.RetryAfter
		}
		if v.Outcome == client.Accepted && result.QueueID == "" {
			result.QueueID = queueID(v.Response)
		}
	}
	failure, lost := receipt.Failure()
	if !lost {
		return result, nil
	}
	transport.ResolveFaults(result.Recipients)
	failed := sendError(result, failure)
	if t.config.AllOrNothing && failed.Err == nil && result.Count(transport.NotSent) > 0 {
		failed.Err = keptBackError{}
	}
	return result, failed
}

// sendError is the error of a send whose connection says failed. A refusal says it all; where there is more, the
// cause is failed itself.
func sendError(result *transport.Result, failed *client.Error) *transport.SendError {
	e := &transport.SendError{Result: result, Phase: failed.Phase, Reply: reply(failed.Response, nil)}
	switch failed.Phase {
	case client.PhaseDial, client.PhaseTLS, client.PhaseGreeting, client.PhaseHello, client.PhaseAuth:
		e.Err = failed // it knows whether the refusal of a session is for now
	default:
		if failed.Err != nil || failed.Response.IsZero() {
			e.Err = failed
		}
	}
	return e
}

// keptBackError says why recipients who were not refused did not get a mail that goes to all or to none.
type keptBackError struct{}

func (keptBackError) Error() string {
	return "kept back from every recipient, because the server did not accept all of them"
}

// KeptBack tells the transports of package policy that the mail must not go to some of its recipients alone.
func (keptBackError) KeptBack() bool { return true }

// newResult returns a result with room for n recipients: that of one, which most mails have, in one piece
// with it and with room for the one line of its reply.
func newResult(n int) (result *transport.Result, lines []string) {
	if n != 1 {
		return &transport.Result{Recipients: make([]transport.RecipientResult, n)}, nil
	}
	whole := new(struct {
		transport.Result

		recipient [1]transport.RecipientResult
		line      [1]string
	})
	whole.Recipients = whole.recipient[:]
	return &whole.Result, whole.line[:]
}

// reply translates a reply, and copies its lines, which others may hold, into room if they fit.
func reply(r response.Response, room []string) transport.Reply {
	if len(r.Lines) > 0 && len(r.Lines) == len(room) {
		copy(room, r.Lines)
	} else {
		room = slices.Clone(r.Lines)
	}
	return transport.Reply{Code: int(r.Code), Enhanced: r.Enhanced.String(), Lines: room}
}

// queueID finds what the relay calls the message, in the spellings of servers that say it: Postfix
// and its like "queued as X", Exim "id=X", Sendmail "X Message accepted".
func queueID(r response.Response) string {
	for i, line := range r.Lines {
		if _, id, ok := strings.Cut(line, "queued as "); ok {
			return firstWord(id)
		}
		if strings.HasPrefix(line, "id=") {
			return firstWord(line[len("id="):])
		}
		if _, id, ok := strings.Cut(line, " id="); ok {
			return firstWord(id)
		}
		if id, ok := strings.CutSuffix(line, " Message accepted for delivery"); ok && i == 0 {
			return firstWord(id)
		}
	}
	return ""
}

func firstWord(s string) string {
	s, _, _ = strings.Cut(s, " ")
	return strings.Trim(s, "<>.,;")
}
