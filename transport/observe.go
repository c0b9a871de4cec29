package transport

import (
	"context"
	"log/slog"
	"time"
)

// Observer is told of mail and of what is decided about it, and takes no part in it: logs, spans, figures and
// progress are readers of this kind. policy.Observe puts one over a transport.
//
// The methods may be called from several goroutines at once, and what two of them decide at the same moment is told in any order. They
// must return soon, must not send, and must neither change nor keep the mail and the result.
//
// One that panics, or ends its goroutine, ends the call that it is told in, as other code of the caller's does. What a transport
// decides when a mail is through, between its calls, or in a call of another transport of its account, is told in a goroutine of its own,
// and a panic there goes on in the next call that needs a connection, before that sends anything. None costs a connection or its place.
type Observer interface {
	// Begin is called before a mail is sent, or, in SendAll, when it is taken. What it returns, if it is not
	// nil, is called once with what Send returns.
	Begin(ctx context.Context, mail Mail) func(*Result, error)
	// Decide is called with each decision. The normal course of a mail is not a decision: Begin and its end tell of it.
	Decide(ctx context.Context, d Decision)
}

// Enabler is an [Observer] that may have nothing to tell, such as one of spans in a program that has no place for them. While it is
// not enabled, mail does not pause at it: policy.Observe asks before each Send and once at the begin of each SendAll, all of whose
// mails go unobserved then. It is told of decisions in any case.
type Enabler interface {
	Observer
	// Enabled reports whether Begin would return something.
	Enabled(ctx context.Context) bool
}

// DecisionKind names what was decided. Other packages have kinds of their own, such as "ledger.replay".
type DecisionKind string

// The kinds of this module's policies and transports.
const (
	// DecisionRetry: the mail is sent again after Wait to Recipients recipients; Attempt is the number of that
	// attempt, Err why the one before did not serve them.
	DecisionRetry DecisionKind = "retry"
	// DecisionGiveUp: the mail is not sent again although recipients would need it; Err is the last failure.
	DecisionGiveUp DecisionKind = "retry.stop"
	// DecisionFailover: Recipients recipients go to the next relay; Relay is the one that did not serve them.
	DecisionFailover DecisionKind = "failover"
	// DecisionRest: Relay failed and is asked after the others for Wait.
	DecisionRest DecisionKind = "relay.rest"
	// DecisionBreaker: a breaker changed to State.
	DecisionBreaker DecisionKind = "breaker"
	// DecisionThrottle: the mail waits for Wait, so that the rate of the relay is kept.
	DecisionThrottle DecisionKind = "throttle"
	// DecisionPace: a pace changed to State.
	DecisionPace DecisionKind = "pace"
	// DecisionSuppress: Recipients recipients are not sent to, because they are on a suppression list; or State says that
	// one was added to the list, or could not be.
	DecisionSuppress DecisionKind = "suppress"
	// DecisionResend: connection Conn was dead, and the mail goes over another one.
	DecisionResend DecisionKind = "resend"
	// DecisionConnect: connection Conn to Relay was opened after Wait.
	DecisionConnect DecisionKind = "connection.open"
	// DecisionConnectFail: no connection to Relay could be opened; Err says why.
	DecisionConnectFail DecisionKind = "connection.fail"
	// DecisionDisconnect: connection Conn to Relay was given up; State says why, and Err too if it failed.
	DecisionDisconnect DecisionKind = "connection.close"
	// DecisionConnectionLimit: Relay refused a connection, or a mail, because of how many connections there are; no more than
	// Limit are used for the time being. A Limit of 0 means that this is forgotten.
	DecisionConnectionLimit DecisionKind = "connection.limit"
	// DecisionRelayDown: Relay cannot be reached; the mails of a SendAll wait for Wait at most.
	DecisionRelayDown DecisionKind = "relay.down"
	// DecisionRelayBack: Relay takes mail again after Wait.
	DecisionRelayBack DecisionKind = "relay.back"
	// DecisionToken: a new password or token was fetched from its source.
	DecisionToken DecisionKind = "token"
	// DecisionTokenFail: the source of the password or token failed, or Relay refused what it gave.
	DecisionTokenFail DecisionKind = "token.fail"
)

// Decision is something that a transport decided. All fields but Kind may be zero. It holds no secret, and no
// address outside Mail.
type Decision struct {
	Kind       DecisionKind
	Mail       Mail          // the mail it is about; nil for one about a relay or a connection alone
	Relay      string        // the relay it is about
	Conn       uint64        // the number of the connection
	Attempt    int           // the number of the attempt that follows
	Recipients int           // how many recipients it is about
	Limit      int           // how many there may be from now on
	Wait       time.Duration // how long was, or will be, waited
	State      string        // the new state
	Err        error         // why
}

// LogValue returns what the decision says, by the names that the records of policy.Log use. It has no address.
func (d Decision) LogValue() slog.Value { return slog.GroupValue(d.Attrs()...) }

// Attrs returns the fields that are set, for a record of package slog.
func (d Decision) Attrs() []slog.Attr {
	list := make([]slog.Attr, 0, 8)
	list = append(list, slog.String("decision", string(d.Kind)))
	text := func(name, value string) {
		if value != "" {
			list = append(list, slog.String(name, value))
		}
	}
	if d.Mail != nil {
		text("message_id", MessageID(d.Mail))
		text("key", KeyOf(d.Mail))
	}
	text("relay", d.Relay)
	if d.Conn != 0 {
		list = append(list, slog.Uint64("connection", d.Conn))
	}
	if d.Attempt != 0 {
		list = append(list, slog.Int("attempt", d.Attempt))
	}
	if d.Recipients != 0 {
		list = append(list, slog.Int("recipients", d.Recipients))
	}
	if d.Limit != 0 {
		list = append(list, slog.Int("limit", d.Limit))
	}
	if d.Wait != 0 {
		list = append(list, slog.Float64("wait_ms", float64(d.Wait)/float64(time.Millisecond)))
	}
	text("state", d.State)
	if d.Err != nil {
		list = append(list, slog.String("error", HideAddresses(d.Err.Error())))
	}
	return list
}

type observerKey struct{}

// observers are those of a ctx, the innermost first.
type observers struct {
	Observer

	outer *observers
}

// WithObserver returns a ctx whose sends tell o what they decide, beside the observers that ctx has.
func WithObserver(ctx context.Context, o Observer) context.Context {
	return context.WithValue(ctx, observerKey{}, &observers{Observer: o, outer: observersOf(ctx)})
}

func observersOf(ctx context.Context) *observers {
	list, _ := ctx.Value(observerKey{}).(*observers)
	return list
}

// Observed reports whether ctx has an observer, for decisions that cost something to describe.
func Observed(ctx context.Context) bool { return observersOf(ctx) != nil }

// CopyObservers returns to with the observers of from, for what is decided in the background after the call with from.
func CopyObservers(to, from context.Context) context.Context {
	return context.WithValue(to, observerKey{}, observersOf(from))
}

// Tell tells the observers of ctx what was decided. Transports call it, with the ctx they were given and
// without holding a lock.
func Tell(ctx context.Context, d Decision) {
	for o := observersOf(ctx); o != nil; o = o.outer {
		o.Decide(ctx, d)
	}
}
