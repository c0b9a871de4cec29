package policy_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/stub"
)

// tree is a random tree of combinators over scripted relays, and what happened in it.
type tree struct {
	t         *testing.T
	rand      *rand.Rand
	root      transport.Transport
	text      strings.Builder // what it looks like
	relays    []*relay
	copies    []*stub.Transport
	observers []*counting
	twice     bool // at-least-once was chosen somewhere
	instead   envelope.Address
	clock     atomic.Int64 // orders what happens at one instant
}

// relay is a leaf that notes the order in which things happen in the whole tree.
type relay struct {
	*stub.Transport
	name string
	tree *tree

	mu    sync.Mutex
	calls []noted
}

type noted struct {
	begin, end int64
	message    string
	recipients []transport.RecipientResult
}

func (r *relay) Send(ctx context.Context, mail transport.Mail) (*transport.Result, error) {
	n := noted{begin: r.tree.clock.Add(1), message: transport.MessageID(mail)}
	result, err := r.Transport.Send(ctx, mail)
	n.end = r.tree.clock.Add(1)
	n.recipients = append(n.recipients, result.Recipients...)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, n)
	return result, err
}

func newTree(t *testing.T, r *rand.Rand) *tree {
	x := &tree{t: t, rand: r}
	if r.IntN(6) == 0 {
		x.instead = address(t, "instead@d0.example")
		x.text.WriteString("RedirectAll ")
		x.root = x.built(policy.RedirectAll{Next: x.node(2), To: x.instead}.Build())
	} else {
		x.root = x.node(3)
	}
	return x
}

func (x *tree) built(made transport.Transport, err error) transport.Transport {
	if err != nil {
		x.t.Fatal(err)
	}
	return made
}

func (x *tree) duration(most time.Duration) time.Duration { return rand.N(most) + 1 }

func (x *tree) nodes(depth int) []transport.Transport {
	x.text.WriteString("(")
	defer x.text.WriteString(")")
	list := make([]transport.Transport, 1+x.rand.IntN(3))
	for i := range list {
		list[i] = x.node(depth - 1)
	}
	return list
}

func (x *tree) node(depth int) transport.Transport {
	if depth == 0 {
		return x.leaf()
	}
	say := func(name string) int { x.text.WriteString(name + " "); return depth - 1 }
	switch x.rand.IntN(19) {
	case 0, 1:
		x.text.WriteString("Failover")
		return x.built(policy.Failover{Relays: x.nodes(depth), On: policy.FailoverOn(x.rand.IntN(2))}.Build())
	case 2, 3:
		x.text.WriteString("Balance")
		return x.built(policy.Balance{
			Relays: x.nodes(depth), Strategy: policy.Strategy(x.rand.IntN(2)), On: policy.FailoverOn(x.rand.IntN(2)),
		}.Build())
	case 4, 5:
		retry := policy.Retry{MaxAttempts: 1 + x.rand.IntN(4), Guarantee: policy.Guarantee(x.rand.IntN(5) / 4)}
		x.twice = x.twice || retry.Guarantee == policy.DangerousAtLeastOnce
		x.text.WriteString(fmt.Sprintf("Retry%d/%d ", retry.MaxAttempts, retry.Guarantee))
		retry.Next = x.node(depth - 1)
		return x.built(retry.Build())
	case 6:
		return x.built(policy.Breaker{Next: x.node(say("Breaker")), Threshold: 1 + x.rand.IntN(3), OpenFor: x.duration(time.Minute)}.Build())
	case 7:
		slow := policy.Rate{Count: 1 + x.rand.Int64N(20), Burst: 1 + x.rand.Int64N(5)}
		return x.built(policy.RateLimit{Next: x.node(say("RateLimit")), Messages: slow, Recipients: slow}.Build())
	case 8:
		x.text.WriteString("ByDomain")
		routes := map[string]transport.Transport{}
		for i, t := range x.nodes(depth) {
			routes[[]string{"d0.example", "d1.example", ".example"}[i]] = t
		}
		return x.built(policy.ByDomain{Routes: routes}.Build())
	case 9:
		aside := stub.Named("copy")
		x.script(aside)
		x.copies = append(x.copies, aside)
		return x.built(policy.Tee{Next: x.node(say("Tee")), Copy: aside}.Build())
	case 10:
		return x.built(policy.Limit{Next: x.node(say("Limit")), Recipients: 4 + x.rand.IntN(3)}.Build())
	case 11:
		return x.built(policy.Defaults{Next: x.node(say("Defaults")), Notify: envelope.NotifyFailure}.Build())
	case 12:
		pass := func(ctx context.Context, mail transport.Mail, next transport.Transport) (*transport.Result, error) {
			return next.Send(ctx, mail)
		}
		return x.built(policy.Wrap{Next: x.node(say("Wrap")), Middleware: []policy.Middleware{pass}}.Build())
	case 13, 14:
		steps := []policy.Step{keep, x.split(), x.split()}[x.rand.IntN(2):]
		return x.built(policy.Prepare{Next: x.node(say("Prepare")), Steps: steps, Ahead: x.rand.IntN(4)}.Build())
	case 15:
		o := &counting{t: x.t}
		x.observers = append(x.observers, o)
		return x.built(policy.Observe{Next: x.node(say("Observe")), Observer: o}.Build())
	case 16:
		return x.built(policy.Pace{Next: x.node(say("Pace")), Start: policy.Rate{Count: 1 + x.rand.Int64N(20)}}.Build())
	case 17:
		return x.built(policy.Quota{Next: x.node(say("Quota")), Messages: 1000, Recipients: 1000}.Build())
	case 18:
		return x.built(policy.Suppress{Next: x.node(say("Suppress")), List: &list{}}.Build())
	}
	return nil
}

// split is a step that makes of a mail several, each to some of the recipients in another order. What it
// does with a mail depends on the mail alone, because steps are called at the same time.
func (x *tree) split() policy.Step {
	seed := x.rand.Uint64()
	return func(_ context.Context, mail transport.Mail) ([]transport.Mail, error) {
		env := mail.Envelope()
		r := rand.New(rand.NewPCG(seed, uint64(env.Len())))
		order := r.Perm(env.Len())
		var mails []transport.Mail
		for len(order) > 0 {
			n := 1 + r.IntN(len(order))
			to := make([]envelope.Recipient, n)
			for i, position := range order[:n] {
				to[i] = env.At(position)
			}
			part, err := envelope.NewWithOptions(env.From(), to, env.Options())
			if err != nil {
				return nil, err
			}
			mails = append(mails, transport.WithEnvelope(mail, part))
			order = order[n:]
		}
		return mails, nil
	}
}

func (x *tree) leaf() transport.Transport {
	if x.rand.IntN(30) == 0 {
		x.text.WriteString("discard ")
		return transport.Discard()
	}
	r := &relay{name: fmt.Sprintf("relay%d", len(x.relays)), tree: x}
	r.Transport = stub.Named(r.name)
	x.text.WriteString(r.name + " ")
	x.script(r.Transport)
	x.relays = append(x.relays, r)
	return r
}

// script gives a relay good and bad days.
func (x *tree) script(s *stub.Transport) {
	for range x.rand.IntN(8) {
		s.Next(x.answer())
	}
	if x.rand.IntN(4) == 0 {
		s.Always(x.answer())
	}
	for range x.rand.IntN(6) {
		who := recipient(x.rand)
		s.NextFor(who, x.answer(), x.answer())
		if x.rand.IntN(3) == 0 {
			s.AlwaysFor(who, x.answer())
		}
	}
}

func (x *tree) answer() stub.Answer {
	pause := time.Duration(x.rand.Int64N(int64(3 * time.Second)))
	phases := []transport.Phase{
		transport.PhaseDial, transport.PhaseTLS, transport.PhaseGreeting, transport.PhaseAuth, transport.PhaseMail, transport.PhaseBody,
	}
	switch x.rand.IntN(12) {
	case 0, 1:
		return stub.Fail(phases[x.rand.IntN(len(phases))], io.ErrUnexpectedEOF).WithDelay(pause)
	case 2:
		return stub.Reject(transport.PhaseMail, 421, "busy").WithDelay(pause)
	case 3:
		return stub.Reject(transport.PhaseRcpt, 450, "later").WithDelay(pause)
	case 4:
		text := []string{"never", "5.1.1 no such user", "5.7.1 unable to relay"}[x.rand.IntN(3)]
		return stub.Reject(transport.PhaseRcpt, 550, text).WithDelay(pause)
	case 5:
		return stub.Reject(transport.PhaseFinal, 451, "later").WithReplyDelay(pause)
	case 6:
		return stub.Reject(transport.PhaseFinal, 554, "never").WithReplyDelay(pause)
	case 7, 8:
		return stub.LoseReply().WithReplyDelay(pause)
	case 9:
		return stub.Withhold()
	}
	return stub.Accept().WithDelay(pause).WithReplyDelay(pause)
}

func recipient(r *rand.Rand) string {
	return fmt.Sprintf("r%d@d%d.example", r.IntN(3), r.IntN(4))
}

// mails are random mails, each with its own Message-ID.
func (x *tree) mails(n int) []transport.Mail {
	list := make([]transport.Mail, n)
	for i := range list {
		var to []string
		for range 1 + x.rand.IntN(6) {
			to = append(to, recipient(x.rand))
		}
		list[i] = transport.Raw(env(x.t, to...), fmt.Appendf(nil, "Message-ID: <%d@test.example>\r\n\r\nmail %d\r\n", i, i))
	}
	return list
}
