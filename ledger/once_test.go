package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/stub"
	"github.com/depeche-mail/depeche/transport/transporttest"
	"github.com/google/go-cmp/cmp"
)

func env(t *testing.T, from string, to ...string) envelope.Envelope {
	t.Helper()
	var list []envelope.Address
	for _, s := range to {
		list = append(list, address(t, s))
	}
	e, err := envelope.New(address(t, from), list...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func address(t *testing.T, s string) envelope.Address {
	t.Helper()
	a, err := envelope.ParseAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// keyed is a mail with a key to these recipients.
func keyed(t *testing.T, key string, to ...string) transport.Mail {
	t.Helper()
	content := fmt.Sprintf("Message-ID: <%s@example.org>\r\nSubject: x\r\n\r\nhello\r\n", key)
	return transport.WithKey(transport.Raw(env(t, "from@example.org", to...), []byte(content)), key)
}

func once(t *testing.T, o ledger.Once) transport.Transport {
	t.Helper()
	tr, err := o.Build()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = transport.Close(tr) })
	return tr
}

// fates says how each recipient ended, and whether that is a replay.
func fates(r *transport.Result) string {
	var list []string
	for _, rcpt := range r.Recipients {
		text := rcpt.Outcome.String()
		if rcpt.Replayed {
			text += " (replayed)"
		}
		list = append(list, text)
	}
	return strings.Join(list, ", ")
}

// keying gives each mail that has no key one of its own, as programs do.
type keying struct {
	transport.Transport

	n *atomic.Int64
}

func (k keying) key(m transport.Mail) transport.Mail {
	if transport.KeyOf(m) != "" {
		return m
	}
	return transport.WithKey(m, fmt.Sprint("key-", k.n.Add(1)))
}

func (k keying) Send(ctx context.Context, m transport.Mail) (*transport.Result, error) {
	return k.Transport.Send(ctx, k.key(m))
}

func (k keying) SendAll(ctx context.Context, mails iter.Seq[transport.Mail]) iter.Seq2[transport.BulkResult, error] {
	var plain sync.Map // by number
	return func(yield func(transport.BulkResult, error) bool) {
		n := 0
		for sent, err := range transport.SendAll(ctx, k.Transport, func(yield func(transport.Mail) bool) {
			for m := range mails {
				plain.Store(n, m)
				n++
				if !yield(k.key(m)) {
					return
				}
			}
		}) {
			m, _ := plain.Load(sent.Index)
			sent.Mail = m.(transport.Mail)
			if !yield(sent, err) {
				return
			}
		}
	}
}

func (k keying) Close() error { return transport.Close(k.Transport) }

// took returns the recipients for whom the relay accepted a message.
func took(relay *stub.Transport, m stub.Message) (to []string) {
	for _, r := range relay.Calls()[m.Call].Result.Recipients {
		if r.Outcome == transport.Accepted {
			to = append(to, r.Address.String())
		}
	}
	return to
}

// ruled is a relay that takes one signature.
type ruled struct{ *stub.Transport }

func (ruled) SignatureRules() transport.SignatureRules { return transport.SignatureRules{Max: 1} }

// TestOnceTellsTheRules: what a relay allows of signatures reaches policy.Prepare above.
func TestOnceTellsTheRules(t *testing.T) {
	tr := once(t, ledger.Once{Next: ruled{stub.New()}, Ledger: ledger.NewMemory()})
	if rules := transport.SignatureRulesOf(tr); rules.Max != 1 {
		t.Errorf("%+v", rules)
	}
}

// TestOnceIsATransport runs the rules of all transports over it, over a transport that sends one by one.
func TestOnceIsATransport(t *testing.T) {
	var relay *stub.Transport
	over := func(t *testing.T, r *stub.Transport) transport.Transport {
		relay = r
		tr, err := ledger.Once{Next: r, Ledger: ledger.NewMemory()}.Build()
		if err != nil {
			t.Fatal(err)
		}
		return keying{tr, new(atomic.Int64)}
	}
	transporttest.Run(t, transporttest.Harness{
		New: func(t *testing.T) transport.Transport { return over(t, stub.New()) },
		Received: func(*testing.T) []transporttest.Received {
			var list []transporttest.Received
			for _, m := range relay.Messages() {
				list = append(list, transporttest.Received{From: m.Envelope.From().String(), To: took(relay, m), Data: m.Data})
			}
			return list
		},
		Refusing: func(t *testing.T, rejected, deferred string) transport.Transport {
			return over(t, stub.New().AlwaysFor(rejected, stub.Reject(transport.PhaseRcpt, 550, "no such user")).
				AlwaysFor(deferred, stub.Reject(transport.PhaseRcpt, 450, "later")))
		},
		Losing: func(t *testing.T) transport.Transport { return over(t, stub.New().Always(stub.LoseReply())) },
	})
}

// TestOnceSendsOnce sends the same mail in every state in which a restart may find it.
func TestOnceSendsOnce(t *testing.T) {
	refuse := stub.Reject(transport.PhaseRcpt, 550, "no such user")
	later := stub.Reject(transport.PhaseFinal, 451, "later")
	cases := map[string]struct {
		answers []stub.Answer
		again   policy.Guarantee
		want    []string
		copies  int
	}{
		"accepted":                  {[]stub.Answer{stub.Accept()}, 0, []string{"accepted", "accepted (replayed)", "accepted (replayed)"}, 1},
		"rejected":                  {[]stub.Answer{refuse}, 0, []string{"rejected", "rejected (replayed)", "rejected (replayed)"}, 0},
		"deferred, then accepted":   {[]stub.Answer{later}, 0, []string{"deferred", "accepted", "accepted (replayed)"}, 1},
		"not sent, then accepted":   {[]stub.Answer{stub.Fail(transport.PhaseDial, io.EOF)}, 0, []string{"not sent", "accepted", "accepted (replayed)"}, 1},
		"unknown, at most once":     {[]stub.Answer{stub.LoseReply()}, policy.AtMostOnce, []string{"unknown", "unknown (replayed)", "unknown (replayed)"}, 1},
		"unknown, at least once":    {[]stub.Answer{stub.LoseReply()}, policy.DangerousAtLeastOnce, []string{"unknown", "accepted", "accepted (replayed)"}, 2},
		"unknown, then refused":     {[]stub.Answer{stub.LoseReply(), refuse}, policy.DangerousAtLeastOnce, []string{"unknown", "unknown", "unknown (replayed)"}, 1},
		"unknown, then not reached": {[]stub.Answer{stub.LoseReply(), stub.Fail(transport.PhaseDial, io.EOF)}, policy.DangerousAtLeastOnce, []string{"unknown", "unknown", "accepted"}, 2},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			relay, book := stub.New().Next(tc.answers...), ledger.NewMemory()
			var got []string
			for range 3 {
				book = book.Restart()
				result, err := once(t, ledger.Once{Next: relay, Ledger: book, Guarantee: tc.again}).Send(t.Context(), keyed(t, "k", "a@example.org"))
				if (err == nil) != result.AllAccepted() {
					t.Errorf("error %v for %s", err, fates(result))
				}
				var failed *transport.SendError
				if err != nil && (!errors.As(err, &failed) || failed.Result != result) {
					t.Errorf("error %v has another result", err)
				}
				if result.MessageID != "<k@example.org>" || result.Key != "k" {
					t.Errorf("%+v", result)
				}
				got = append(got, fates(result))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			if n := len(relay.Messages()); n != tc.copies {
				t.Errorf("%d copies arrived, want %d", n, tc.copies)
			}
		})
	}
}

// TestOnceMixed sends to some recipients of a mail and replays others.
func TestOnceMixed(t *testing.T) {
	book := ledger.NewMemory()
	relay := stub.New().AlwaysFor("gone@example.org", stub.Reject(transport.PhaseRcpt, 550, "no such user")).
		NextFor("slow@example.org", stub.Reject(transport.PhaseRcpt, 450, "later"), stub.Accept())
	tr := once(t, ledger.Once{Next: relay, Ledger: book})
	to := []string{"slow@example.org", "a@example.org", "gone@example.org"}
	result, err := tr.Send(t.Context(), keyed(t, "k", to...))
	if got := fates(result); got != "deferred, accepted, rejected" || err == nil {
		t.Errorf("first: %s, %v", got, err)
	}
	result, err = tr.Send(t.Context(), keyed(t, "k", append(to, "new@example.org")...))
	var failed *transport.SendError
	if got := fates(result); got != "accepted, accepted (replayed), rejected (replayed), accepted" || !errors.As(err, &failed) || failed.Reply.Code != 550 {
		t.Errorf("second: %s, %v", got, err)
	}
	if failed.SafeToRetry() || failed.Temporary() {
		t.Error("a refusal that is replayed is neither temporary nor safe to retry")
	}
	var sent []string
	for _, m := range relay.Messages() {
		sent = append(sent, took(relay, m)...)
	}
	if want := []string{"a@example.org", "slow@example.org", "new@example.org"}; !slices.Equal(sent, want) {
		t.Errorf("arrived at %v, want %v", sent, want)
	}
}

// TestOnceKeys says which mail has a key, and when a key is used for two mails.
func TestOnceKeys(t *testing.T) {
	first := keyed(t, "k", "a@example.org")
	random, err := message.New().From("a@example.org").To("b@example.org").Text("x").Build()
	if err != nil {
		t.Fatal(err)
	}
	chosen, err := message.New().From("a@example.org").To("b@example.org").MessageID("order-1@example.org").Text("x").Build()
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		mail transport.Mail
		want error
		key  string
	}{
		"a random Message-ID":      {random, ledger.ErrNoKey, ""},
		"one of the caller's":      {chosen, nil, "<order-1@example.org>"},
		"with a key":               {transport.WithKey(random, "order-2"), nil, "order-2"},
		"no key, no Message-ID":    {transport.Raw(env(t, "a@example.org", "b@example.org"), []byte("Subject: x\r\n\r\nx\r\n")), ledger.ErrNoKey, ""},
		"the same mail":            {keyed(t, "k", "a@example.org"), nil, "k"},
		"another fingerprint":      {transport.WithFingerprint(first, "template 2"), ledger.ErrKeyReused, "k"},
		"another sender":           {transport.WithEnvelope(first, env(t, "other@example.org", "a@example.org")), ledger.ErrKeyReused, "k"},
		"another recipient":        {transport.WithEnvelope(first, env(t, "from@example.org", "b@example.org")), nil, "k"},
		"reused for one of two":    {transport.WithEnvelope(first, env(t, "other@example.org", "c@example.org", "a@example.org")), ledger.ErrKeyReused, "k"},
		"a key with a line end":    {transport.WithKey(first, "a\nb"), ledger.CheckKey("a\nb"), "a\nb"},
		"a key that is too long":   {transport.WithKey(first, strings.Repeat("k", ledger.MaxKey+1)), ledger.CheckKey(strings.Repeat("k", ledger.MaxKey+1)), strings.Repeat("k", ledger.MaxKey+1)},
		"a key that is not text":   {transport.WithKey(first, "\xff"), ledger.CheckKey("\xff"), "\xff"},
		"a key as long as allowed": {transport.WithKey(first, strings.Repeat("k", ledger.MaxKey)), nil, strings.Repeat("k", ledger.MaxKey)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			relay, book := stub.New(), ledger.NewMemory()
			tr := once(t, ledger.Once{Next: relay, Ledger: book})
			if _, err := tr.Send(t.Context(), first); err != nil {
				t.Fatal(err)
			}
			relay.Reset()
			result, err := tr.Send(t.Context(), tc.mail)
			if tc.want == nil && err != nil || tc.want != nil && (err == nil || !strings.Contains(err.Error(), tc.want.Error())) {
				t.Fatalf("got %v, want %v", err, tc.want)
			}
			if result.Key != tc.key {
				t.Errorf("key %q, want %q", result.Key, tc.key)
			}
			if tc.want == nil {
				return
			}
			if len(relay.Calls()) != 0 || result.Count(transport.NotSent) != len(result.Recipients) {
				t.Errorf("something was sent: %s", fates(result))
			}
			if result, err = tr.Send(t.Context(), keyed(t, "k", "c@example.org")); err != nil {
				t.Errorf("a claim was not given back: %s, %v", fates(result), err)
			}
		})
	}
}

// TestOnceFingerprintAfterNotSent: a mail that certainly did not go binds its key to nothing.
func TestOnceFingerprintAfterNotSent(t *testing.T) {
	tr := once(t, ledger.Once{Next: stub.New().Next(stub.Fail(transport.PhaseDial, io.EOF)), Ledger: ledger.NewMemory()})
	m := keyed(t, "k", "a@example.org")
	if _, err := tr.Send(t.Context(), transport.WithFingerprint(m, "with a typo")); err == nil {
		t.Fatal("it was sent")
	}
	if result, err := tr.Send(t.Context(), transport.WithFingerprint(m, "corrected")); err != nil {
		t.Errorf("%s, %v", fates(result), err)
	}
}

// TestOnceBusy sends a key while it is under way.
func TestOnceBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		relay := stub.New().Next(stub.Accept().WithDelay(time.Minute))
		tr := once(t, ledger.Once{Next: relay, Ledger: ledger.NewMemory()})
		first := make(chan error)
		go func() {
			_, err := tr.Send(t.Context(), keyed(t, "k", "a@example.org"))
			first <- err
		}()
		synctest.Wait()
		result, err := tr.Send(t.Context(), keyed(t, "k", "a@example.org"))
		var failed *transport.SendError
		if !errors.Is(err, ledger.ErrBusy) || !errors.As(err, &failed) || !failed.Temporary() || !failed.SafeToRetry() {
			t.Errorf("%s, %v", fates(result), err)
		}
		if err := <-first; err != nil {
			t.Error(err)
		}
		if result, err := tr.Send(t.Context(), keyed(t, "k", "a@example.org")); err != nil || fates(result) != "accepted (replayed)" {
			t.Errorf("%s, %v", fates(result), err)
		}
	})
}

// broken is a ledger that fails in one of its methods.
type broken struct {
	*ledger.Memory

	claim, ending, end error
	answers            []ledger.Grant // to a claim, in place of its own
}

func (b *broken) Claim(ctx context.Context, c []ledger.Claim) ([]ledger.Grant, error) {
	if b.claim != nil {
		return nil, b.claim
	}
	if b.answers != nil {
		return b.answers, nil
	}
	return b.Memory.Claim(ctx, c)
}

func (b *broken) Ending(ctx context.Context, g []ledger.Grant) error {
	if b.ending != nil {
		return b.ending
	}
	return b.Memory.Ending(ctx, g)
}

func (b *broken) End(ctx context.Context, e []ledger.Ended) error {
	if b.end != nil {
		return b.end
	}
	return b.Memory.End(ctx, e)
}

// TestOnceWithoutALedger: nothing is sent without a record, and a record that could not be completed leaves
// the mail in doubt.
func TestOnceWithoutALedger(t *testing.T) {
	full := errors.New("disk full")
	cases := map[string]struct {
		book   broken
		now    string
		err    error
		copies int
		after  string // a restart
		told   int
	}{
		"claim fails":  {broken{claim: full}, "not sent", full, 0, "accepted", 0},
		"ending fails": {broken{ending: full}, "not sent", full, 0, "accepted", 0},
		"fenced":       {broken{ending: ledger.ErrFenced}, "not sent", ledger.ErrFenced, 0, "accepted", 0},
		"end fails":    {broken{end: full}, "accepted", nil, 1, "unknown (replayed)", 1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			relay, told := stub.New(), 0
			tc.book.Memory = ledger.NewMemory()
			tr := once(t, ledger.Once{Next: relay, Ledger: &tc.book, OnError: func(_ transport.Mail, err error) {
				if errors.Is(err, full) {
					told++
				}
			}})
			result, err := tr.Send(t.Context(), keyed(t, "k", "a@example.org"))
			if fates(result) != tc.now || !errors.Is(err, tc.err) || told != tc.told {
				t.Errorf("%s, %v, told %d times", fates(result), err, told)
			}
			if n := len(relay.Messages()); n != tc.copies {
				t.Errorf("%d copies", n)
			}
			result, _ = once(t, ledger.Once{Next: relay, Ledger: tc.book.Restart()}).Send(t.Context(), keyed(t, "k", "a@example.org"))
			if fates(result) != tc.after {
				t.Errorf("after a restart: %s", fates(result))
			}
		})
	}
}

// TestOnceOverLiars sends over transports that break their contract: whether content may have left is known
// all the same.
func TestOnceOverLiars(t *testing.T) {
	reads := func(m transport.Mail) { _, _ = m.WriteTo(io.Discard) }
	cases := map[string]struct {
		send transport.Func
		want string
	}{
		"no result, nothing read": {func(context.Context, transport.Mail) (*transport.Result, error) { return nil, io.EOF }, "not sent"},
		"no result, all read": {func(_ context.Context, m transport.Mail) (*transport.Result, error) {
			reads(m)
			return nil, nil
		}, "unknown"},
		"another's result": {func(_ context.Context, m transport.Mail) (*transport.Result, error) {
			reads(m)
			return transport.NewResult(env(t, "x@example.org", "y@example.org"), transport.Accepted, transport.Reply{}), nil
		}, "unknown"},
		"accepted with an error": {func(_ context.Context, m transport.Mail) (*transport.Result, error) {
			reads(m)
			return transport.NewResult(m.Envelope(), transport.Accepted, transport.Reply{}), io.EOF
		}, "unknown"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			result, err := once(t, ledger.Once{Next: tc.send, Ledger: ledger.NewMemory()}).Send(t.Context(), keyed(t, "k", "a@example.org"))
			if fates(result) != tc.want || !errors.Is(err, policy.ErrContract) {
				t.Errorf("%s, %v", fates(result), err)
			}
		})
	}
	t.Run("panic", func(t *testing.T) {
		book := ledger.NewMemory()
		tr := once(t, ledger.Once{Next: transport.Func(func(_ context.Context, m transport.Mail) (*transport.Result, error) {
			reads(m)
			panic("in a relay")
		}), Ledger: book})
		func() {
			defer func() { _ = recover() }()
			_, _ = tr.Send(t.Context(), keyed(t, "k", "a@example.org"))
		}()
		result, err := once(t, ledger.Once{Next: stub.New(), Ledger: book}).Send(t.Context(), keyed(t, "k", "a@example.org"))
		if fates(result) != "unknown (replayed)" || !errors.Is(err, ledger.ErrUnresolved) {
			t.Errorf("%s, %v", fates(result), err)
		}
	})
}

// TestOnceBuild says what is missing.
func TestOnceBuild(t *testing.T) {
	_, err := ledger.Once{Guarantee: 7}.Build()
	var field *envelope.FieldError
	if !errors.As(err, &field) || field.Field != "Next" || !strings.Contains(err.Error(), "Ledger") || !strings.Contains(err.Error(), "Guarantee") {
		t.Error(err)
	}
}

// TestOnceAfterCtx: the end is written down also when the caller does not wait any longer.
func TestOnceAfterCtx(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	book := ledger.NewMemory()
	tr := once(t, ledger.Once{Ledger: book, Next: transport.Func(func(_ context.Context, m transport.Mail) (*transport.Result, error) {
		_, err := m.WriteTo(io.Discard)
		cancel()
		return transport.NewResult(m.Envelope(), transport.Accepted, transport.Reply{}), err
	})})
	if result, err := tr.Send(ctx, keyed(t, "k", "a@example.org")); err != nil {
		t.Fatal(fates(result), err)
	}
	result, err := once(t, ledger.Once{Next: stub.New(), Ledger: book.Restart()}).Send(t.Context(), keyed(t, "k", "a@example.org"))
	if err != nil || fates(result) != "accepted (replayed)" {
		t.Errorf("after a restart: %s, %v", fates(result), err)
	}
}
