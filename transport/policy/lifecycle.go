package policy

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/internal/panics"
	"github.com/depeche-mail/depeche/transport"
)

// lifecycle is what every transport over others has: it lets mail in while it is open, and closes what
// it owns.
type lifecycle struct {
	owned  []transport.Transport
	closes func() error  // closes once, however often it is called
	done   chan struct{} // closed by Close: all waiting ends

	mu     sync.Mutex
	closed bool
	sends  int
	idle   chan struct{} // closed when there is no mail and none may come
}

func newLifecycle(owned ...transport.Transport) *lifecycle {
	o := &lifecycle{owned: owned, done: make(chan struct{}), idle: make(chan struct{})}
	o.closes = sync.OnceValue(func() error {
		close(o.done)
		return o.each(transport.Close)
	})
	return o
}

// enter lets a mail in, which leaves by leave.
func (o *lifecycle) enter() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return transport.ErrClosed
	}
	o.sends++
	return nil
}

func (o *lifecycle) leave() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sends--
	if o.closed && o.sends == 0 {
		close(o.idle)
	}
}

// refuse lets no more mail in.
func (o *lifecycle) refuse() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed && o.sends == 0 {
		close(o.idle)
	}
	o.closed = true
}

// each does something to everything that is owned, at the same time. What does not return, because it panics or ends its
// goroutine, does so in the caller's goroutine after the others have ended.
func (o *lifecycle) each(do func(transport.Transport) error) error {
	errs := make([]error, len(o.owned))
	var all panics.Group
	for i, t := range o.owned {
		all.Go(func() { errs[i] = do(t) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// Close closes everything below at once. Mail on its way ends with what is certain at that moment.
func (o *lifecycle) Close() error {
	o.refuse()
	return o.closes()
}

// Shutdown refuses new mail, waits for what is under way until ctx ends, and shuts down everything
// below.
func (o *lifecycle) Shutdown(ctx context.Context) error {
	o.refuse()
	select {
	case <-o.idle:
		return o.each(func(t transport.Transport) error { return transport.Shutdown(ctx, t) })
	case <-ctx.Done():
		return errors.Join(context.Cause(ctx), o.closes())
	}
}

// Check finds out whether everything below could send now.
func (o *lifecycle) Check(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return o.each(func(t transport.Transport) error { return check(ctx, cancel, t) })
}

// SignatureRules returns what everything below allows.
func (o *lifecycle) SignatureRules() transport.SignatureRules {
	var rules transport.SignatureRules
	for i, t := range o.owned {
		if of := transport.SignatureRulesOf(t); i == 0 {
			rules = of
		} else {
			rules = rules.Merge(of)
		}
	}
	return rules
}

// MessageRate returns that of the slowest below.
func (o *lifecycle) MessageRate() (messages int, per time.Duration) {
	for _, t := range o.owned {
		n, in := transport.MessageRateOf(t)
		if n > 0 && in > 0 && (messages == 0 || float64(n)*per.Seconds() < float64(messages)*in.Seconds()) {
			messages, per = n, in
		}
	}
	return messages, per
}
