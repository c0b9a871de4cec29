package smtp

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/depeche-mail/depeche/internal/expired"
	"github.com/depeche-mail/depeche/transport"
)

// outage is the time in which a relay serves none of the mails of a SendAll. Its workers share it: each holds the mail that
// it has, and takes no other, until the relay is back or the patience of the caller ends.
type outage struct {
	t        *Transport
	patience time.Duration // 0 for mails that fail at once

	down   atomic.Bool   // since is set
	served atomic.Uint32 // how often the relay has come back
	mu     sync.Mutex
	since  time.Time
	told   bool // to the observers
	// What follows is for mails that do not wait.
	failures int // attempts in a row to get a connection
	quiet    time.Time
	cause    error
}

// A relay that fails some times in a row is taken to be down, and for a while mails that do not wait fail at once
// instead of trying each.
const (
	failsAreDown = 3
	downFor      = time.Second
)

// failed notes that there was no connection for a mail that does not wait.
func (o *outage) failed(cause error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failures++
	o.quiet, o.cause = time.Now().Add(downFor), cause
	o.down.Store(true)
}

// isDown returns why mails that do not wait fail at once at this moment, or nil.
func (o *outage) isDown() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failures < failsAreDown || !time.Now().Before(o.quiet) {
		return nil
	}
	return o.cause
}

func newOutage(ctx context.Context, t *Transport) *outage {
	o := &outage{t: t, patience: t.bulk.wait}
	switch {
	case o.patience == noWait, transport.FailsFast(ctx):
		o.patience = 0
	case o.patience == 0:
		o.patience = defaultWait
	}
	return o
}

// holds reports whether a mail waits for the relay, which has just failed with err. certain says that the relay is down;
// a refusal about load alone may be over in a moment.
func (o *outage) holds(ctx context.Context, certain bool, err error) bool {
	if o.patience == 0 || expired.Cause(ctx) != nil {
		return false
	}
	o.mu.Lock()
	if o.since.IsZero() {
		o.since, o.told = time.Now(), false
		o.down.Store(true)
	}
	lasts := time.Since(o.since)
	tells := !o.told && (certain || lasts >= time.Second)
	o.told = o.told || tells
	o.mu.Unlock()
	if tells {
		transport.Tell(ctx, transport.Decision{Kind: transport.DecisionRelayDown, Relay: o.t.config.Address, Wait: o.patience, Err: err})
	}
	return lasts < o.patience
}

// ends notes that the relay has served a mail.
func (o *outage) ends(ctx context.Context) {
	if !o.down.Load() {
		return
	}
	o.mu.Lock()
	since, told := o.since, o.told
	o.since, o.failures, o.cause = time.Time{}, 0, nil
	o.down.Store(false)
	o.mu.Unlock()
	if since.IsZero() {
		return
	}
	o.served.Add(1)
	if !told {
		return
	}
	transport.Tell(ctx, transport.Decision{Kind: transport.DecisionRelayBack, Relay: o.t.config.Address, Wait: time.Since(since)})
}
