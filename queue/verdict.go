package queue

import (
	"errors"
	"time"

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
	s.At = now.Add(w.Backoff(e.Attempts))
	if end := e.Start.Add(w.GiveUp); s.At.After(end) {
		s.Reason = "given up after " + now.Sub(e.Start).Round(time.Second).String() + ": " + s.Reason
		return s
	}
	s.Do = Later
	return s
}

// mayGoLater reports whether a further attempt may bring the mail to a recipient who has not had it.
func mayGoLater(e Entry, result *transport.Result, err error) bool {
	var failed *transport.SendError
	temporary := errors.As(err, &failed) && failed.Temporary() || errors.Is(err, ledger.ErrBusy) || errors.Is(err, ledger.ErrFenced) ||
		errors.Is(err, transport.ErrClosed)
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
