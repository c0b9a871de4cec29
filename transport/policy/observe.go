package policy

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/transport"
)

// Observe describes a transport that tells an observer of the begin and the end of each mail, and of what
// every transport below decides about it. It changes nothing: what Next returns is returned, mails go to Next
// as they are, and the windows of [transport.SendAll] are kept.
//
//	sender, err := policy.Observe{Next: relay, Observer: policy.Log(slog.Default())}.Build()
type Observe struct {
	// Next sends the mail. The transport owns it.
	Next transport.Transport
	// Observer is told; nil means that Build returns Next itself. For several, nest.
	Observer transport.Observer
}

// Build checks the description and returns the transport. The error joins [envelope.FieldError]s.
func (o Observe) Build() (transport.Transport, error) {
	var bad configErrors
	bad.over("Next", o.Next)
	if err := bad.err(); err != nil {
		return nil, err
	}
	if o.Observer == nil {
		return o.Next, nil
	}
	t := &observed{next: o.Next, observer: o.Observer}
	t.closes = sync.OnceValue(func() error { return transport.Close(t.next) })
	return t, nil
}

// nameOf is what a transport calls itself, "" for one that does not.
func nameOf(t transport.Transport) string {
	if s, ok := t.(fmt.Stringer); ok {
		return s.String()
	}
	return ""
}

// observed is a transport with an observer. A mail has one step, which nothing changes, so it needs no plan.
type observed struct {
	next     transport.Transport
	observer transport.Observer
	closes   func() error
}

func (o *observed) Close() error                       { return o.closes() }
func (o *observed) Shutdown(ctx context.Context) error { return transport.Shutdown(ctx, o.next) }
func (o *observed) Check(ctx context.Context) error {
	return transport.Check(transport.WithObserver(ctx, o.observer), o.next)
}

// SignatureRules returns those of Next.
func (o *observed) SignatureRules() transport.SignatureRules {
	return transport.SignatureRulesOf(o.next)
}

// MessageRate returns that of Next.
func (o *observed) MessageRate() (messages int, per time.Duration) {
	return transport.MessageRateOf(o.next)
}

// String returns the name of the transport below.
func (o *observed) String() string { return nameOf(o.next) }

// enabled reports whether there is anything to tell the observer of mails.
func (o *observed) enabled(ctx context.Context) bool {
	e, ok := o.observer.(transport.Enabler)
	return !ok || e.Enabled(ctx)
}

// Send tells the observer of a mail that Next sends.
func (o *observed) Send(ctx context.Context, mail transport.Mail) (*transport.Result, error) {
	ctx = transport.WithObserver(ctx, o.observer)
	if !o.enabled(ctx) {
		return o.next.Send(ctx, mail)
	}
	end := o.observer.Begin(ctx, mail)
	of := send(ctx, o.next, mail)
	if end != nil {
		end(of.result, of.err())
	}
	return of.result, of.err()
}

// SendAll tells the observer of each mail that Next takes, and of its end before that is yielded.
func (o *observed) SendAll(ctx context.Context, mails iter.Seq[transport.Mail]) iter.Seq2[transport.BulkResult, error] {
	ctx = transport.WithObserver(ctx, o.observer)
	return func(yield func(transport.BulkResult, error) bool) {
		if !o.enabled(ctx) {
			transport.SendAll(ctx, o.next, mails)(yield)
			return
		}
		w := &watched{begin: func(m transport.Mail) func(*transport.Result, error) { return o.observer.Begin(ctx, m) }}
		left := false // the caller has left the loop; what is under way ends all the same
		for sent, err := range transport.SendAll(ctx, o.next, w.take(mails)) {
			m, ok := w.back(sent.Index)
			if !ok { // yielded twice, or never taken
				continue
			}
			var of attempt
			of.validate(ctx, m.mail, sent.Result, err)
			if m.end != nil {
				m.end(of.result, of.err())
			}
			if !left && !yield(transport.BulkResult{Index: sent.Index, Mail: m.mail, Result: of.result}, of.err()) {
				left = true
				w.stopped.Store(true)
			}
		}
		for _, m := range w.underWay() { // Next took them and did not yield them
			of := validateResult(ctx, m.mail, nil, errStopped)
			if m.end != nil {
				m.end(of.result, of.err())
			}
			if !left && !yield(transport.BulkResult{Index: m.index, Mail: m.mail, Result: of.result}, of.err()) {
				left = true
			}
		}
	}
}
