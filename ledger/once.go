package ledger

import (
	"context"
	"errors"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
)

// Once describes a transport that sends each mail once for each key and recipient, also when the program
// is started again or runs on several machines; see the package comment. A recipient to whom nothing was
// sent now has the outcome of the earlier send, and RecipientResult.Replayed says so.
//
// The key is that of [transport.WithKey]. Without one the Message-ID is the key, if the caller set it: a
// random one would be another key each time. The sender, and a fingerprint given by
// [transport.WithFingerprint], guard against one key for two mails.
//
// [transport.SendAll] over it can be run again with the same mails after any end. What it sends over keeps its
// window, and the ledger is asked and told about many mails at a time.
type Once struct {
	// Next sends the mail. The transport owns it. Policies that send again or elsewhere, such as
	// policy.Retry and policy.Failover, belong below: they are one attempt of the ledger's.
	Next transport.Transport
	// Ledger remembers. It stays the caller's, who closes it after the transport.
	Ledger Ledger
	// Guarantee says what is done about a mail that is Unknown from an earlier send. AtMostOnce, the
	// default, reports it and sends nothing. DangerousAtLeastOnce sends what the caller gives now: a recipient
	// whose first copy did arrive gets a second one.
	Guarantee policy.Guarantee
	// OnError, if it is set, is told when the ledger could not write down how a mail ended. The Result is
	// right all the same, and a later run finds the mail in doubt. It may be called from several goroutines.
	OnError func(mail transport.Mail, err error)
}

// Build checks the description and returns the transport. The error joins [envelope.FieldError]s.
func (o Once) Build() (transport.Transport, error) {
	var errs []error
	if o.Next == nil {
		errs = append(errs, &envelope.FieldError{Field: "Next", Err: errors.New("a transport is missing")})
	}
	if o.Ledger == nil {
		errs = append(errs, &envelope.FieldError{Field: "Ledger", Err: errors.New("a ledger is missing")})
	}
	if o.Guarantee > policy.DangerousAtLeastOnce {
		errs = append(errs, &envelope.FieldError{Field: "Guarantee", Err: errors.New("want AtMostOnce or DangerousAtLeastOnce")})
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return &once{Once: o, gate: newGate()}, nil
}

// once is the transport.
type once struct {
	Once

	gate *gate
}

// Send claims the mail, sends it to those who have not had it, and writes down how it ended.
func (o *once) Send(ctx context.Context, mail transport.Mail) (*transport.Result, error) {
	if err := o.gate.enter(1); err != nil {
		return transport.Fail(mail, transport.PhaseWait, err)
	}
	defer o.gate.leave(1)
	s := &sending{mail: mail}
	defer func() {
		if !s.ended && s.out != nil { // what is below panicked, or an observer
			o.settle(ctx, s, s.abandoned())
		}
	}()
	o.claim(ctx, []*sending{s})
	if s.ended {
		return s.end()
	}
	result, err := o.Next.Send(ctx, s.out)
	o.settle(ctx, s, s.judge(result, err))
	return s.end()
}

// Ending tells the ledger that the content of these mails is about to leave, in one call. One that was taken over
// ends all, because they leave together.
func (o *once) Ending(tokens []any) error {
	var grants []Grant
	for _, token := range tokens {
		s := token.(*sending) // it is what take gave
		for _, i := range s.to {
			grants = append(grants, s.grants[i])
		}
	}
	ctx := tokens[0].(*sending).ctx // the mails of one flight are of one call
	err := o.Ledger.Ending(ctx, grants)
	if err != nil {
		err = stored(err)
	}
	for _, token := range tokens {
		s := token.(*sending)
		s.held.Store(&err)
		if err == nil {
			s.leaving.Store(true)
		}
	}
	return err
}

// settle enters how one mail ended.
func (o *once) settle(ctx context.Context, s *sending, result *transport.Result) {
	o.record(ctx, []*sending{s}, [][]Ended{s.enter(result)})
}

// claim claims mails. Those that are not to be sent have ended when it returns; those that are have an out.
func (o *once) claim(ctx context.Context, list []*sending) {
	var claims []Claim
	for _, s := range list {
		if err := s.check(); err != nil {
			s.fail(transport.PhaseMessage, err)
			transport.Tell(ctx, transport.Decision{Kind: DecisionRefuse, Mail: s.mail, Err: err})
			continue
		}
		env := s.mail.Envelope()
		s.grants = make([]Grant, env.Len())
		fingerprint, id := transport.FingerprintOf(s.mail), transport.MessageID(s.mail)
		for i := range s.grants {
			to := env.At(i).Address
			claims = append(claims, Claim{
				Key: s.key, Recipient: to, Digest: NewDigest(env.From(), to, fingerprint),
				Again: o.Guarantee == policy.DangerousAtLeastOnce, MessageID: id,
			})
		}
	}
	if len(claims) == 0 {
		return
	}
	grants, err := o.Ledger.Claim(ctx, claims)
	switch {
	case err != nil:
		err = stored(err)
	case len(grants) != len(claims):
		err = errors.New("the ledger answered another number of claims than it was asked")
	}
	var given []Ended
	for _, s := range list {
		switch {
		case s.ended:
		case err != nil:
			s.fail(transport.PhaseWait, err)
			transport.Tell(ctx, transport.Decision{Kind: DecisionRefuse, Mail: s.mail, Recipients: len(s.grants), Err: err})
		default:
			n := copy(s.grants, grants)
			grants = grants[n:]
			given = append(given, s.take(ctx, o)...)
		}
	}
	if len(given) > 0 {
		o.tell(ctx, list[0].mail, given)
	}
	if err == nil { // after all grants were taken: an observer that panics must not lose one
		for _, s := range list {
			s.tellClaim(ctx)
		}
	}
}

// record writes down how mails ended.
func (o *once) record(ctx context.Context, list []*sending, ends [][]Ended) {
	var all []Ended
	for _, e := range ends {
		all = append(all, e...)
	}
	if len(all) == 0 {
		return
	}
	if err := o.Ledger.End(context.WithoutCancel(ctx), all); err != nil {
		for _, s := range list {
			o.unwritten(ctx, s.mail, err)
		}
	}
}

// unwritten tells that the ledger could not be told how a mail ended.
func (o *once) unwritten(ctx context.Context, mail transport.Mail, err error) {
	transport.Tell(ctx, transport.Decision{Kind: DecisionUnwritten, Mail: mail, Err: err})
	if o.OnError != nil {
		o.OnError(mail, err)
	}
}

// tell is record for grants that are given back unused.
func (o *once) tell(ctx context.Context, mail transport.Mail, ends []Ended) {
	if err := o.Ledger.End(context.WithoutCancel(ctx), ends); err != nil {
		o.unwritten(ctx, mail, err)
	}
}

// Close closes what is below at once. Mail on its way ends with what is certain at that moment.
func (o *once) Close() error {
	o.gate.close()
	return transport.Close(o.Next)
}

// Shutdown refuses new mail, waits until what is under way is written down or ctx ends, and shuts
// down what is below.
func (o *once) Shutdown(ctx context.Context) error {
	o.gate.close()
	select {
	case <-o.gate.idle:
		return transport.Shutdown(ctx, o.Next)
	case <-ctx.Done():
		return errors.Join(context.Cause(ctx), transport.Close(o.Next))
	}
}

// Check finds out whether mail could be sent now.
func (o *once) Check(ctx context.Context) error { return transport.Check(ctx, o.Next) }

// SignatureRules returns those of Next.
func (o *once) SignatureRules() transport.SignatureRules { return transport.SignatureRulesOf(o.Next) }
