package transport_test

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
	"github.com/depeche-mail/depeche/transport/stub"
)

// tree is a random tree of combinators over scripted relays, and what happened in it.
type tree struct {
	t       *testing.T
	rand    *rand.Rand
	root    transport.Transport
	text    strings.Builder // what it looks like
	relays  []*relay
	copies  []*stub.Transport
	twice   bool // at-least-once was chosen somewhere
	instead envelope.Address
	clock   atomic.Int64 // orders what happens at one instant
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
	recipients []transport.Recipient
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
		x.root = x.built(transport.RedirectAll{Over: x.node(2), To: x.instead}.Build())
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
	switch x.rand.IntN(13) {
	case 0, 1:
		x.text.WriteString("Failover")
		return x.built(transport.Failover{Relays: x.nodes(depth), Moves: transport.Moves(x.rand.IntN(2))}.Build())
	case 2, 3:
		x.text.WriteString("RoundRobin")
		return x.built(transport.RoundRobin{
			Relays: x.nodes(depth), Pick: transport.Pick(x.rand.IntN(2)), Moves: transport.Moves(x.rand.IntN(2)),
		}.Build())
	case 4, 5:
		retry := transport.Retry{Attempts: 1 + x.rand.IntN(4), Certainty: transport.Certainty(x.rand.IntN(5) / 4)}
		x.twice = x.twice || retry.Certainty == transport.AtLeastOnceMayDeliverTwice
		x.text.WriteString(fmt.Sprintf("Retry%d/%d ", retry.Attempts, retry.Certainty))
		retry.Over = x.node(depth - 1)
		return x.built(retry.Build())
	case 6:
		return x.built(transport.Breaker{Over: x.node(say("Breaker")), Faults: 1 + x.rand.IntN(3), Rest: x.duration(time.Minute)}.Build())
	case 7:
		slow := transport.Rate{Count: 1 + x.rand.Int64N(20), Burst: 1 + x.rand.Int64N(5)}
		return x.built(transport.RateLimit{Over: x.node(say("RateLimit")), Messages: slow, Recipients: slow}.Build())
	case 8:
		x.text.WriteString("ByDomain")
		routes := map[string]transport.Transport{}
		for i, t := range x.nodes(depth) {
			routes[[]string{"d0.example", "d1.example", ".example"}[i]] = t
		}
		return x.built(transport.ByDomain{Routes: routes}.Build())
	case 9:
		aside := stub.Named("copy")
		x.script(aside)
		x.copies = append(x.copies, aside)
		return x.built(transport.Tee{Over: x.node(say("Tee")), Copy: aside}.Build())
	case 10:
		return x.built(transport.Limit{Over: x.node(say("Limit")), Recipients: 4 + x.rand.IntN(3)}.Build())
	case 11:
		return x.built(transport.Defaults{Over: x.node(say("Defaults")), Notify: envelope.NotifyFailure}.Build())
	case 12:
		pass := func(ctx context.Context, mail transport.Mail, next transport.Transport) (*transport.Result, error) {
			return next.Send(ctx, mail)
		}
		return x.built(transport.Wrap{Over: x.node(say("Wrap")), Steps: []transport.Middleware{pass}}.Build())
	}
	return nil
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
		return stub.Fail(phases[x.rand.IntN(len(phases))], io.ErrUnexpectedEOF).After(pause)
	case 2:
		return stub.Refuse(transport.PhaseMail, 421, "busy").After(pause)
	case 3:
		return stub.Refuse(transport.PhaseRcpt, 450, "later").After(pause)
	case 4:
		return stub.Refuse(transport.PhaseRcpt, 550, "never").After(pause)
	case 5:
		return stub.Refuse(transport.PhaseFinal, 451, "later").VerdictAfter(pause)
	case 6:
		return stub.Refuse(transport.PhaseFinal, 554, "never").VerdictAfter(pause)
	case 7, 8:
		return stub.Lose().VerdictAfter(pause)
	case 9:
		return stub.Withhold()
	}
	return stub.Accept().After(pause).VerdictAfter(pause)
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
