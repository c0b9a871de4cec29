package policy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/stub"
	"github.com/google/go-cmp/cmp"
)

// oneEach makes a mail for each recipient, with another sender, the last recipient first.
func oneEach(_ context.Context, mail transport.Mail) ([]transport.Mail, error) {
	env := mail.Envelope()
	var mails []transport.Mail
	for i := range env.Len() {
		from, err := envelope.NewAddress(fmt.Sprintf("bounce-%s", env.At(i).Address.LocalPart()), "example.org")
		if err != nil {
			return nil, err
		}
		own, err := envelope.New(from, env.At(i).Address)
		if err != nil {
			return nil, err
		}
		mails = append(mails, transport.WithEnvelope(mail, own))
	}
	slices.Reverse(mails)
	return mails, nil
}

// numbering is a relay that gives each mail a queue id.
type numbering struct {
	*stub.Transport
	n atomic.Int64
}

func (q *numbering) Send(ctx context.Context, mail transport.Mail) (*transport.Result, error) {
	result, err := q.Transport.Send(ctx, mail)
	result.QueueID = fmt.Sprintf("Q%d", q.n.Add(1))
	return result, err
}

// TestPrepareSplits: of one mail come several, and there is one result in the order of the recipients, in
// which each names the queue id of its own mail.
func TestPrepareSplits(t *testing.T) {
	relay := &numbering{Transport: stub.Named("relay").AlwaysFor("b@example.org", stub.Reject(transport.PhaseRcpt, 550))}
	p := build(t, policy.Prepare{Next: relay, Steps: []policy.Step{keep, oneEach}})
	result, err := p.Send(t.Context(), mail(t, "a@example.org", "b@example.org", "c@example.org"))
	if failed := new(transport.SendError); !errors.As(err, &failed) || failed.Result != result {
		t.Errorf("Send: %v", err)
	}
	var got []string
	for _, r := range result.Recipients {
		got = append(got, fmt.Sprintf("%v %v %s %s", r.Address, r.Outcome, r.Relay, r.QueueID))
	}
	want := []string{"a@example.org accepted relay Q3", "b@example.org rejected relay ", "c@example.org accepted relay Q1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var from []string
	for _, m := range relay.Messages() {
		from = append(from, m.Envelope.String())
	}
	if diff := cmp.Diff([]string{"bounce-c@example.org > c@example.org", "bounce-a@example.org > a@example.org"}, from); diff != "" {
		t.Error(diff)
	}
}

// TestPrepareReorders: one mail in another order is still reported in the order of the original.
func TestPrepareReorders(t *testing.T) {
	relay := stub.Named("relay").AlwaysFor("b@example.org", stub.Reject(transport.PhaseRcpt, 550))
	backwards := func(_ context.Context, mail transport.Mail) ([]transport.Mail, error) {
		env := mail.Envelope()
		to := env.Recipients()
		slices.Reverse(to)
		own, err := envelope.NewWithOptions(env.From(), to, env.Options())
		return []transport.Mail{transport.WithEnvelope(mail, own)}, err
	}
	p := build(t, policy.Prepare{Next: relay, Steps: []policy.Step{backwards}})
	result, _ := p.Send(t.Context(), mail(t, "a@example.org", "b@example.org"))
	if result.Recipients[0].Outcome != transport.Accepted || result.Recipients[1].Outcome != transport.Rejected {
		t.Errorf("%+v", result.Recipients)
	}
}

// TestPrepareRefuses: what a step does wrong means that nothing is sent, by Send and by SendAll.
func TestPrepareRefuses(t *testing.T) {
	give := func(list ...string) policy.Step {
		return func(context.Context, transport.Mail) ([]transport.Mail, error) {
			var mails []transport.Mail
			for _, to := range list {
				mails = append(mails, mail(t, to))
			}
			return mails, nil
		}
	}
	empty := transport.Raw(envelope.Envelope{}, []byte("Subject: x\r\n\r\n"))
	cases := map[string]struct {
		step policy.Step
		want error
	}{
		"an error":      {func(context.Context, transport.Mail) ([]transport.Mail, error) { return nil, io.ErrNoProgress }, io.ErrNoProgress},
		"nothing":       {give(), policy.ErrContract},
		"one too few":   {give("a@example.org"), policy.ErrContract},
		"one too many":  {give("a@example.org", "b@example.org", "c@example.org"), policy.ErrContract},
		"one twice":     {give("a@example.org", "b@example.org", "a@example.org"), policy.ErrContract},
		"another":       {give("a@example.org", "c@example.org"), policy.ErrContract},
		"a mail is nil": {func(context.Context, transport.Mail) ([]transport.Mail, error) { return make([]transport.Mail, 1), nil }, policy.ErrContract},
		"to no one": {func(_ context.Context, m transport.Mail) ([]transport.Mail, error) {
			return []transport.Mail{m, empty}, nil
		}, policy.ErrContract},
		"after splitting": {func(_ context.Context, m transport.Mail) ([]transport.Mail, error) {
			return []transport.Mail{m, m}, nil
		}, policy.ErrContract},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			relay := stub.New()
			p := build(t, policy.Prepare{Next: relay, Steps: []policy.Step{keep, tc.step}})
			m := mail(t, "a@example.org", "b@example.org")
			check := func(result *transport.Result, err error) {
				t.Helper()
				var failed *transport.SendError
				if !errors.As(err, &failed) || !errors.Is(err, tc.want) || failed.Phase != transport.PhaseMessage || !failed.SafeToRetry() {
					t.Errorf("%v, want %v", err, tc.want)
				}
				if result.Count(transport.NotSent) != 2 || result.MessageID != transport.MessageID(m) {
					t.Errorf("%+v", result)
				}
			}
			check(p.Send(t.Context(), m))
			for sent, err := range transport.SendAll(t.Context(), p, slices.Values([]transport.Mail{m, m})) {
				check(sent.Result, err)
			}
			if n := len(relay.Calls()); n > 0 {
				t.Errorf("%d mails reached the relay", n)
			}
		})
	}
}

// TestPrepareKeepsTheKey: what a step makes of a mail is still the same piece of work.
func TestPrepareKeepsTheKey(t *testing.T) {
	other := func(_ context.Context, m transport.Mail) ([]transport.Mail, error) {
		return []transport.Mail{transport.Raw(m.Envelope(), []byte("Subject: other\r\n\r\n"))}, nil
	}
	var seen string
	next := transport.Func(func(ctx context.Context, m transport.Mail) (*transport.Result, error) {
		seen = transport.KeyOf(m)
		return transport.Discard().Send(ctx, m)
	})
	p := build(t, policy.Prepare{Next: next, Steps: []policy.Step{other}})
	result, err := p.Send(t.Context(), transport.WithKey(mail(t, "a@example.org"), "order-7"))
	if err != nil || result.Key != "order-7" || seen != "order-7" {
		t.Errorf("key %q below, %q in the result, %v", seen, result.Key, err)
	}
}

// counted is a mail that counts how often it is read.
type counted struct {
	transport.Mail
	reads *atomic.Int64
}

func (c counted) BodyInfo() (transport.BodyInfo, bool) {
	known, ok := c.Mail.(interface {
		BodyInfo() (transport.BodyInfo, bool)
	})
	if !ok {
		return transport.BodyInfo{}, false
	}
	return known.BodyInfo()
}

func (c counted) WriteTo(w io.Writer) (int64, error) {
	c.reads.Add(1)
	return c.Mail.WriteTo(w)
}

// TestPrepareKeepsFacts: what a returned mail knows of itself reaches the transports below, so that none
// reads it to find out.
func TestPrepareKeepsFacts(t *testing.T) {
	var reads atomic.Int64
	relay := stub.New()
	limited := build(t, policy.Limit{Next: relay, MaxBytes: 1000})
	p := build(t, policy.Prepare{Next: limited, Steps: []policy.Step{keep, func(_ context.Context, m transport.Mail) ([]transport.Mail, error) {
		return []transport.Mail{counted{m, &reads}}, nil
	}}})
	if _, err := p.Send(t.Context(), mail(t, "a@example.org")); err != nil {
		t.Fatal(err)
	}
	if n := reads.Load(); n != 1 {
		t.Errorf("the mail was read %d times", n)
	}
}

// TestPrepareAhead: SendAll prepares as many mails at the same time as Ahead says, and sends them in their
// order although the later ones are ready first.
func TestPrepareAhead(t *testing.T) {
	for _, ahead := range []int{1, 2, 4} {
		t.Run(fmt.Sprint(ahead), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var now, most atomic.Int64
				slow := func(_ context.Context, m transport.Mail) ([]transport.Mail, error) {
					for n := now.Add(1); n > most.Load(); {
						most.Store(n)
					}
					number := int(m.Envelope().At(0).Address.LocalPart()[0] - 'a')
					time.Sleep(time.Second + time.Duration(10-number)*time.Millisecond) // of the bubble
					now.Add(-1)
					return []transport.Mail{m}, nil
				}
				relay := &serial{}
				p := build(t, policy.Prepare{Next: relay, Steps: []policy.Step{slow}, Ahead: ahead})
				var mails []transport.Mail
				var want []string
				for i := range 8 {
					to := string(rune('a'+i)) + "@example.org"
					want = append(want, to)
					mails = append(mails, mail(t, to))
				}
				begin := time.Now()
				for _, err := range transport.SendAll(t.Context(), p, slices.Values(mails)) {
					if err != nil {
						t.Error(err)
					}
				}
				if diff := cmp.Diff(want, relay.got); diff != "" {
					t.Error(diff)
				}
				if took := time.Since(begin).Truncate(time.Second); most.Load() != int64(ahead) || took != time.Duration(8/ahead)*time.Second {
					t.Errorf("%d at the same time, %v", most.Load(), took)
				}
			})
		})
	}
}

// TestPrepareAheadIfSlow: where Ahead is not given, mails are prepared at the same time when steps are slow, and one after
// the other when they are not, also when one of many was.
func TestPrepareAheadIfSlow(t *testing.T) {
	for _, c := range []struct {
		name  string
		takes func(n int) time.Duration
		want  int
	}{
		{"nothing to do", func(int) time.Duration { return 0 }, 1},
		{"an interruption", func(n int) time.Duration { return []time.Duration{0, time.Second}[n%100/99] }, 1},
		{"slow", func(int) time.Duration { return 50 * time.Microsecond }, 4},
		{"slow after a while", func(n int) time.Duration { return []time.Duration{0, time.Millisecond}[min(1, n/200)] }, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
			synctest.Test(t, func(t *testing.T) {
				var calls, now, most atomic.Int64
				step := func(_ context.Context, m transport.Mail) ([]transport.Mail, error) {
					n := now.Add(1)
					defer now.Add(-1)
					if n > most.Load() {
						most.Store(n)
					}
					runtime.Gosched() // others would come in here
					time.Sleep(c.takes(int(calls.Add(1)) - 1))
					return []transport.Mail{m}, nil
				}
				p := build(t, policy.Prepare{Next: &serial{}, Steps: []policy.Step{step}})
				m := mail(t, "a@example.org")
				for sent, err := range transport.SendAll(t.Context(), p, func(yield func(transport.Mail) bool) {
					for n := 0; n < 400 && yield(m); n++ {
					}
				}) {
					if err != nil {
						t.Error(sent.Index, err)
					}
				}
				if most.Load() != int64(c.want) {
					t.Errorf("%d at the same time, want %d", most.Load(), c.want)
				}
			})
		})
	}
}

// serial is a relay that notes the order in which SendAll gives it mails.
type serial struct{ got []string }

func (s *serial) Send(_ context.Context, m transport.Mail) (*transport.Result, error) {
	s.got = append(s.got, m.Envelope().At(0).Address.String())
	r := transport.NewResult(m.Envelope(), transport.Accepted, transport.Reply{})
	r.Relay = "serial"
	return r, nil
}

func (s *serial) SendAll(ctx context.Context, mails iter.Seq[transport.Mail]) iter.Seq2[transport.BulkResult, error] {
	return func(yield func(transport.BulkResult, error) bool) {
		i := 0
		for m := range mails {
			result, err := s.Send(ctx, m)
			if !yield(transport.BulkResult{Index: i, Mail: m, Result: result}, err) {
				return
			}
			i++
		}
	}
}

// TestPrepareEnds: once ctx has ended no further step is called.
func TestPrepareEnds(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	mine := errors.New("mine")
	calls := 0
	end := func(_ context.Context, m transport.Mail) ([]transport.Mail, error) {
		calls++
		cancel(mine)
		return []transport.Mail{m}, nil
	}
	p := build(t, policy.Prepare{Next: stub.New(), Steps: []policy.Step{end, end}})
	result, err := p.Send(ctx, mail(t, "a@example.org"))
	if !errors.Is(err, mine) || result.Count(transport.NotSent) != 1 || calls != 1 {
		t.Errorf("%+v, %v after %d calls", result, err, calls)
	}
}

// ruled is a relay with rules for signatures.
type ruled struct {
	*stub.Transport
	rules transport.SignatureRules
}

func (r ruled) SignatureRules() transport.SignatureRules { return r.rules }

// signs is a signer that notes what it is asked for.
type signs struct {
	rules *transport.SignatureRules
	err   error
}

func (s signs) ForRelay(rules transport.SignatureRules) (func(context.Context, transport.Mail) ([]transport.Mail, error), error) {
	*s.rules = rules
	return func(_ context.Context, m transport.Mail) ([]transport.Mail, error) {
		text := bytes.NewBufferString("Signed: yes\r\n")
		_, err := m.WriteTo(text)
		return []transport.Mail{transport.Raw(m.Envelope(), text.Bytes())}, err
	}, s.err
}

// TestPrepareSigns: the signer comes after all steps, and hears of the rules of all relays below,
// through whatever is between.
func TestPrepareSigns(t *testing.T) {
	ses := transport.SignatureRules{SignsItself: true, Max: 1, Rewrites: []string{"Message-ID", "Date"}}
	free := transport.SignatureRules{Max: 2, Rewrites: []string{"date", "Sender"}}
	a, b := ruled{stub.Named("a"), ses}, ruled{stub.Named("b"), free}
	both := build(t, policy.Failover{Relays: []transport.Transport{a, b}})
	around := build(t, policy.Wrap{Next: build(t, policy.Retry{Next: both})})
	var asked transport.SignatureRules
	last := func(ctx context.Context, m transport.Mail) ([]transport.Mail, error) {
		return oneEach(ctx, transport.Raw(m.Envelope(), []byte("Step: yes\r\n\r\n")))
	}
	p := build(t, policy.Prepare{Next: around, Steps: []policy.Step{last}, Sign: signs{&asked, nil}})
	if diff := cmp.Diff(transport.SignatureRules{Max: 1, Rewrites: []string{"Message-ID", "Date", "Sender"}}, asked); diff != "" {
		t.Error(diff)
	}
	if _, err := p.Send(t.Context(), mail(t, "a@example.org", "b@example.org")); err != nil {
		t.Fatal(err)
	}
	for _, m := range a.Messages() {
		if string(m.Data) != "Signed: yes\r\nStep: yes\r\n\r\n" || m.Envelope.Len() != 1 {
			t.Errorf("%v: %q", m.Envelope, m.Data)
		}
	}
	mine := errors.New("two keys")
	if _, err := (policy.Prepare{Next: a, Sign: signs{&asked, mine}}).Build(); !errors.Is(err, mine) {
		t.Errorf("Build: %v", err)
	}
	if diff := cmp.Diff(ses, asked); diff != "" {
		t.Error(diff)
	}
}

// TestRulesReachPrepare: whatever is between a relay and Prepare passes on what the relay allows.
func TestRulesReachPrepare(t *testing.T) {
	want := transport.SignatureRules{SignsItself: true, Max: 1, Rewrites: []string{"Message-ID"}}
	for _, name := range slices.Sorted(maps.Keys(combinators)) {
		made, err := combinators[name](ruled{stub.Named("a"), want}, ruled{stub.Named("b"), want})
		if err != nil {
			t.Fatal(err)
		}
		got := transport.SignatureRulesOf(made)
		got.SignsItself = true // a copy of Tee goes to a transport that does not
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
