package queue

import (
	"errors"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/internal/printable"
	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
)

// judge says what becomes of a job after an attempt. A recipient who may get the mail later makes it wait, also when
// others are refused; it is parked when none is left who may, and nothing is parked that all have.
func (w *Worker) judge(e Entry, result *transport.Result, err error, now time.Time) Settlement {
	if err == nil {
		return Settlement{Do: Done}
	}
	s := Settlement{Do: Park, Reason: err.Error()}
	if !mayGoLater(e, result, err) {
		return s
	}
	s.At = now.Add(max(w.Backoff(e.Attempts), retryAfter(result)))
	if end := e.Start.Add(w.GiveUp); s.At.After(end) {
		s.Reason = "given up after " + now.Sub(e.Start).Round(time.Second).String() + ": " + s.Reason
		return s
	}
	s.Do = Later
	return s
}

// maxReason is how many octets of a reason are kept.
const maxReason = 500

// clean makes a reason one printable line that is not long, whatever a server had a part in: engines keep it, operators read it in
// terminals.
func clean(reason string) string {
	const cut = "..."
	lines := strings.FieldsFunc(reason, func(r rune) bool { return r == '\r' || r == '\n' })
	reason = printable.Text(strings.Join(lines, "; "))
	if len(reason) <= maxReason {
		return reason
	}
	return strings.ToValidUTF8(reason[:maxReason-len(cut)], "") + cut
}

// retryAfter returns the longest wait that a relay asked for, such as the time until a quota is free again.
func retryAfter(result *transport.Result) (wait time.Duration) {
	for i := range result.Recipients {
		wait = max(wait, result.Recipients[i].RetryAfter)
	}
	return wait
}

// mayGoLater reports whether a further attempt may bring the mail to a recipient who has not had it.
func mayGoLater(e Entry, result *transport.Result, err error) bool {
	var failed *transport.SendError
	temporary := errors.As(err, &failed) && failed.Temporary() || errors.Is(err, ledger.ErrBusy) || errors.Is(err, ledger.ErrFenced) ||
		errors.As(err, new(*ledger.StoreError)) || errors.Is(err, transport.ErrClosed) // a ledger is mended, and the mail is not to blame
	for i := range result.Recipients {
		switch r := &result.Recipients[i]; r.Outcome {
		case transport.Deferred:
			return true
		case transport.NotSent:
			if temporary {
				return true
			}
		case transport.Unknown:
			if e.Guarantee == policy.DangerousAtLeastOnce && r.Reply.Code/100 != 5 {
				return true
			}
		}
	}
	return false
}

// worst returns the outcome that most needs to be looked at.
func worst(result *transport.Result) transport.Outcome {
	rank := [...]int{transport.Accepted: 0, transport.Deferred: 1, transport.NotSent: 2, transport.Rejected: 3, transport.Unknown: 4}
	out := transport.Accepted
	for i := range result.Recipients {
		if o := result.Recipients[i].Outcome; rank[o] > rank[out] {
			out = o
		}
	}
	return out
}
