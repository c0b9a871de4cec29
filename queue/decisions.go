package queue

import (
	"context"
	"time"

	"github.com/depeche-mail/depeche/transport"
)

// The decisions of a worker, of which it tells the observers of the ctx of Run; see [transport.WithObserver]. Those of
// the transports below are told too.
const (
	// DecisionLater: the job waits for Wait; Attempt is the number of the next attempt, Err why the last one did not end it.
	DecisionLater transport.DecisionKind = "queue.later"
	// DecisionPark: no worker takes the job until it is put back; Err says why.
	DecisionPark transport.DecisionKind = "queue.park"
)

// tellVerdict tells what becomes of a job that is not done.
func (j *job) tellVerdict(ctx context.Context, e Entry) {
	d := transport.Decision{Mail: j.mail, Relay: e.Relay, Err: j.err}
	if j.mail != nil {
		d.Recipients = j.mail.Envelope().Len()
	}
	switch j.settle.Do {
	case Later:
		d.Kind, d.Attempt, d.Wait = DecisionLater, e.Attempts+1, time.Until(e.At).Round(time.Second)
	case Park:
		d.Kind = DecisionPark
	default:
		return
	}
	transport.Tell(ctx, d)
}
