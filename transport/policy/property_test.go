package policy_test

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
)

var trees = flag.Uint64("trees", 1500, "how many random trees TestTrees makes")

// TestTrees sends mail through random trees of combinators and compares each result with what the
// relays at the leaves saw. A failure is repeated by its name: the number is the seed. Pauses and
// waits pass in no time, in a bubble.
func TestTrees(t *testing.T) {
	for seed := range *trees {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 1))
				x := newTree(t, r)
				t.Cleanup(func() {
					if t.Failed() {
						t.Log(x.text.String())
					}
				})
				x.run()
			})
		})
	}
}

// ending is what came back for a mail.
type ending struct {
	mail   transport.Mail
	result *transport.Result
	err    error
}

func (x *tree) run() {
	mails := x.mails(1 + x.rand.IntN(12))
	ctx, cancel := context.WithCancel(x.t.Context())
	defer cancel()
	if x.rand.IntN(4) == 0 {
		ctx, cancel = context.WithTimeout(ctx, x.duration(20*time.Second))
		defer cancel()
	}
	if x.rand.IntN(6) == 0 {
		timer := time.AfterFunc(x.duration(20*time.Second), func() { _ = transport.Close(x.root) })
		defer timer.Stop()
	}
	send := x.one
	if x.rand.IntN(2) == 0 {
		x.text.WriteString("by SendAll")
		send = x.bulk
	}
	ends := send(ctx, mails)
	if err := transport.Shutdown(x.t.Context(), x.root); err != nil {
		x.t.Errorf("Shutdown: %v", err)
	}
	synctest.Wait()
	for _, e := range ends {
		x.checkResult(e)
		for i := range e.result.Recipients {
			x.checkRecipient(e, i)
		}
	}
	for _, o := range x.observers {
		if begun, ended := o.begun.Load(), o.ended.Load(); begun != ended {
			x.t.Errorf("an observer saw %d mails begin and %d end", begun, ended)
		}
	}
	x.checkRecords()
	x.checkCopies(ends)
}

func (x *tree) one(ctx context.Context, mails []transport.Mail) []ending {
	ends := make([]ending, len(mails))
	var sends sync.WaitGroup
	for i, mail := range mails {
		sends.Go(func() {
			result, err := x.root.Send(ctx, mail)
			ends[i] = ending{mail, result, err}
		})
	}
	sends.Wait()
	return ends
}

func (x *tree) bulk(ctx context.Context, mails []transport.Mail) []ending {
	var ends []ending
	seen := map[int]bool{}
	for sent, err := range transport.SendAll(ctx, x.root, slices.Values(mails)) {
		if seen[sent.Index] || sent.Mail != mails[sent.Index] {
			x.t.Errorf("mail %d came back twice, or is another", sent.Index)
		}
		seen[sent.Index] = true
		ends = append(ends, ending{sent.Mail, sent.Result, err})
	}
	if len(ends) != len(mails) && ctx.Err() == nil {
		x.t.Errorf("%d of %d mails came back", len(ends), len(mails))
	}
	return ends
}

// checkResult checks what a result must be whatever happened.
func (x *tree) checkResult(e ending) {
	env := e.mail.Envelope()
	if len(e.result.Recipients) != env.Len() {
		x.t.Fatalf("%d recipients, want %d", len(e.result.Recipients), env.Len())
	}
	total := 0
	for o := transport.NotSent; o <= transport.Unknown; o++ {
		total += e.result.Count(o)
	}
	if total != env.Len() || (e.err == nil) != e.result.AllAccepted() || e.result.MessageID != transport.MessageID(e.mail) {
		x.t.Errorf("%d outcomes of %d recipients, error %v, Message-ID %q", total, env.Len(), e.err, e.result.MessageID)
	}
	var failed *transport.SendError
	if e.err != nil && (!errors.As(e.err, &failed) || failed.Result != e.result) {
		x.t.Errorf("the error is %#v", e.err)
	}
	for i, r := range e.result.Recipients {
		if r.Address != env.At(i).Address {
			x.t.Errorf("recipient %d is %v, want %v", i, r.Address, env.At(i).Address)
		}
	}
}

// seen is what a relay said of a recipient of a mail.
type seen struct {
	begin, end int64
	relay      string
	transport.RecipientResult
}

// history returns what the relays saw of a recipient of a mail, in the order of the ends.
func (x *tree) history(message string, who envelope.Address) []seen {
	var list []seen
	for _, r := range x.relays {
		for _, c := range r.calls {
			for _, rcpt := range c.recipients {
				if c.message == message && rcpt.Address == who {
					list = append(list, seen{c.begin, c.end, r.name, rcpt})
				}
			}
		}
	}
	slices.SortFunc(list, func(a, b seen) int { return cmp.Compare(a.end, b.end) })
	return list
}

// checkRecipient compares the outcome of a recipient with its history.
func (x *tree) checkRecipient(e ending, i int) {
	got := e.result.Recipients[i]
	who := got.Address
	if !x.instead.IsNull() {
		who = x.instead
	}
	history := x.history(transport.MessageID(e.mail), who)
	count := map[transport.Outcome]int{}
	own := 0 // refusals for good that are about the relay and not about the mail
	for n, h := range history {
		if h.Outcome == transport.Rejected && h.Fault == transport.FaultRelay {
			own++
			continue
		}
		count[h.Outcome]++
		done := h.Outcome == transport.Accepted || h.Outcome == transport.Unknown && !x.twice ||
			h.Outcome == transport.Rejected && count[transport.Unknown] == 0 // or else it still is unknown
		if done && n < len(history)-1 {
			x.t.Errorf("%v was %v by %s and sent again", who, h.Outcome, h.relay)
		}
		if n > 0 && h.begin < history[n-1].end {
			x.t.Errorf("%v was sent twice at the same time", who)
		}
	}
	if got.Relay == "discard" {
		if got.Outcome != transport.Accepted || count[transport.Accepted] > 0 {
			x.t.Errorf("%v is %v by discard: %v", who, got.Outcome, history)
		}
		return
	}
	want := known(count)
	if len(history) > 0 && own == len(history) && got.Outcome != transport.NotSent { // or no other relay was reached
		want = transport.Rejected
	}
	if got.Outcome != want {
		x.t.Errorf("%v is %v, want %v: %+v; %v", who, got, want, history, e.err)
	}
	// the relay that is named as the one of the final attempt did say so
	said := slices.ContainsFunc(history, func(h seen) bool {
		return h.relay == got.Relay && h.Outcome == got.Outcome && h.Reply.String() == got.Reply.String()
	})
	if !said && got.Outcome != transport.NotSent {
		x.t.Errorf("%v is %v %v by %q, who did not say so: %+v", who, got.Outcome, got.Reply, got.Relay, history)
	}
}

// known is what is known of a recipient of whom the relays said this, in any order.
func known(count map[transport.Outcome]int) transport.Outcome {
	for _, o := range []transport.Outcome{transport.Accepted, transport.Unknown, transport.Rejected, transport.Deferred} {
		if count[o] > 0 {
			return o
		}
	}
	return transport.NotSent
}

// checkRecords compares what came back from the relays with what they recorded.
func (x *tree) checkRecords() {
	for _, r := range x.relays {
		want, got := map[string]int{}, map[string]int{}
		for _, c := range r.calls {
			for _, rcpt := range c.recipients {
				if rcpt.Outcome == transport.Accepted || rcpt.Outcome == transport.Unknown {
					want[c.message]++
					break
				}
			}
		}
		for _, m := range r.Messages() {
			got[m.MessageID]++
			if text := fmt.Sprintf("Message-ID: %s\r\n\r\nmail %s\r\n", m.MessageID, m.MessageID[1:len(m.MessageID)-len("@test.example>")]); string(m.Data) != text {
				x.t.Errorf("%s has %q, want %q", r.name, m.Data, text)
			}
		}
		if fmt.Sprint(want) != fmt.Sprint(got) {
			x.t.Errorf("%s has %v, want %v", r.name, got, want)
		}
	}
}

// checkCopies checks that no recipient has a copy of what was not sent to it.
func (x *tree) checkCopies(ends []ending) {
	sent := map[string]bool{}
	for _, e := range ends {
		for _, r := range e.result.Recipients {
			sent[fmt.Sprint(transport.MessageID(e.mail), r.Address)] = r.Outcome == transport.Accepted || r.Outcome == transport.Unknown
			if !x.instead.IsNull() {
				sent[fmt.Sprint(transport.MessageID(e.mail), x.instead)] = r.Outcome == transport.Accepted || r.Outcome == transport.Unknown
			}
		}
	}
	for _, c := range x.copies {
		for _, call := range c.Calls() {
			for i := range call.Envelope.Len() {
				if who := call.Envelope.At(i).Address; !sent[fmt.Sprint(call.MessageID, who)] {
					x.t.Errorf("a copy of %s for %v, to whom it was not sent", call.MessageID, who)
				}
			}
		}
	}
}
