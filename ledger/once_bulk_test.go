package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/stub"
)

// campaign is n mails, each to two recipients and with its own key.
func campaign(t *testing.T, n int) iter.Seq[transport.Mail] {
	t.Helper()
	envelopes := make([]envelope.Envelope, n)
	for i := range envelopes {
		envelopes[i] = env(t, "from@example.org", fmt.Sprintf("a%d@example.org", i), fmt.Sprintf("b%d@example.org", i))
	}
	return func(yield func(transport.Mail) bool) {
		for i := range n {
			content := fmt.Sprintf("Message-ID: <%d@example.org>\r\n\r\nx\r\n", i)
			if !yield(transport.WithKey(transport.Raw(envelopes[i], []byte(content)), fmt.Sprint("mail/", i))) {
				return
			}
		}
	}
}

// dying is a ledger and a relay of one process that dies at a given step: from then on nothing that they do
// has an effect, and every call fails. A step is a call of the ledger, before or after its effect, or a mail
// at the relay, before or after it was taken.
type dying struct {
	*ledger.Memory

	steps   *atomic.Int64 // until it dies
	arrived *sync.Map     // copies by recipient, over all processes
	calls   atomic.Int64
}

var errDead = errors.New("the process is dead")

func (d *dying) step() error {
	if d.steps.Add(-1) < 0 {
		return errDead
	}
	return nil
}

func (d *dying) Claim(ctx context.Context, c []ledger.Claim) ([]ledger.Grant, error) {
	d.calls.Add(1)
	if err := d.step(); err != nil {
		return nil, err
	}
	g, err := d.Memory.Claim(ctx, c)
	return g, errors.Join(err, d.step())
}

func (d *dying) Ending(ctx context.Context, g []ledger.Grant) error {
	if err := d.step(); err != nil {
		return err
	}
	return errors.Join(d.Memory.Ending(ctx, g), d.step())
}

func (d *dying) End(ctx context.Context, e []ledger.Ended) error {
	d.calls.Add(1)
	if err := d.step(); err != nil {
		return err
	}
	return errors.Join(d.Memory.End(ctx, e), d.step())
}

// Send is the relay: it counts what arrives.
func (d *dying) Send(_ context.Context, m transport.Mail) (*transport.Result, error) {
	if _, err := m.WriteTo(io.Discard); err != nil {
		return transport.Fail(m, transport.PhaseBody, err)
	}
	if err := d.step(); err != nil {
		return d.lost(m, err)
	}
	e := m.Envelope()
	for i := range e.Len() {
		n, _ := d.arrived.LoadOrStore(e.At(i).Address, new(atomic.Int64))
		n.(*atomic.Int64).Add(1)
	}
	if err := d.step(); err != nil {
		return d.lost(m, err)
	}
	result := transport.NewResult(e, transport.Accepted, transport.Reply{Code: 250})
	result.Identify(m)
	return result, nil
}

func (d *dying) lost(m transport.Mail, err error) (*transport.Result, error) {
	result := transport.NewResult(m.Envelope(), transport.Unknown, transport.Reply{})
	return result, &transport.SendError{Result: result, Phase: transport.PhaseFinal, Err: err}
}

// TestResume kills a campaign at each of its steps, starts it again, and kills it again at a later one, until
// it ends: at most once, no recipient gets two copies, and only those in doubt may get none; at least once,
// each recipient gets one.
func TestResume(t *testing.T) {
	const n = 12
	mails := campaign(t, n)
	for _, guarantee := range []policy.Guarantee{policy.AtMostOnce, policy.DangerousAtLeastOnce} {
		t.Run(fmt.Sprint(guarantee), func(t *testing.T) {
			for first := range int64(4 * n) {
				resume(t, mails, guarantee, first)
				if t.Failed() {
					t.Fatalf("killed at step %d", first)
				}
			}
		})
	}
}

func resume(t *testing.T, mails iter.Seq[transport.Mail], guarantee policy.Guarantee, steps int64) {
	t.Helper()
	arrived, book := new(sync.Map), ledger.NewMemory()
	for run := int64(0); ; run++ {
		left := new(atomic.Int64)
		left.Store(steps + 7*run)
		d := &dying{Memory: book, steps: left, arrived: arrived}
		tr := once(t, ledger.Once{Next: d, Ledger: d, Guarantee: guarantee})
		unknown := map[envelope.Address]bool{}
		for sent := range transport.SendAll(t.Context(), tr, mails) {
			for _, r := range sent.Result.Recipients {
				unknown[r.Address] = r.Outcome == transport.Unknown
			}
		}
		if left.Load() < 0 {
			book = book.Restart()
			continue
		}
		for to, doubt := range unknown {
			copies := int64(0)
			if c, ok := arrived.Load(to); ok {
				copies = c.(*atomic.Int64).Load()
			}
			switch {
			case guarantee == policy.AtMostOnce && (copies > 1 || copies == 0 && !doubt),
				guarantee == policy.DangerousAtLeastOnce && (copies == 0 || doubt):
				t.Errorf("after %d kills %v got %d copies, in doubt: %v", run, to, copies, doubt)
			}
		}
		return
	}
}

// TestSendAllAsksInBatches counts the calls of the ledger: one for many mails.
func TestSendAllAsksInBatches(t *testing.T) {
	const n = 5000
	left := new(atomic.Int64)
	left.Store(1 << 40)
	d := &dying{Memory: ledger.NewMemory(), steps: left, arrived: new(sync.Map)}
	slow := &slowLedger{Ledger: d}
	tr := once(t, ledger.Once{Next: transport.Func(d.Send), Ledger: slow})
	seen := map[int]bool{}
	for sent, err := range transport.SendAll(t.Context(), tr, campaign(t, n)) {
		if err != nil || seen[sent.Index] {
			t.Fatal(sent.Index, err)
		}
		seen[sent.Index] = true
	}
	if len(seen) != n {
		t.Errorf("%d of %d mails came back", len(seen), n)
	}
	if calls := d.calls.Load(); calls > n/4 {
		t.Errorf("%d calls for %d mails", calls, n)
	}
}

// slowLedger lets mails come together while it works, as a disk does.
type slowLedger struct{ ledger.Ledger }

func (s *slowLedger) Claim(ctx context.Context, c []ledger.Claim) ([]ledger.Grant, error) {
	yieldOften()
	return s.Ledger.Claim(ctx, c)
}

func (s *slowLedger) End(ctx context.Context, e []ledger.Ended) error {
	yieldOften()
	return s.Ledger.End(ctx, e)
}

func yieldOften() {
	done := make(chan bool)
	for range 100 {
		go func() { done <- true }()
		<-done
	}
}

// halfway is a transport whose SendAll ends before its time: it has read two mails and reports one.
type halfway struct{ stub.Transport }

func (h *halfway) SendAll(ctx context.Context, mails iter.Seq[transport.Mail]) iter.Seq2[transport.BulkResult, error] {
	return func(yield func(transport.BulkResult, error) bool) {
		n := 0
		for m := range mails {
			if n == 1 {
				_, _ = m.WriteTo(io.Discard)
			}
			if n == 2 {
				return
			}
			if n == 0 {
				result, err := h.Send(ctx, m)
				yield(transport.BulkResult{Mail: m, Result: result}, err)
			}
			n++
		}
	}
}

// TestSendAllThatStops: each mail comes back once, and only what may have left is in doubt.
func TestSendAllThatStops(t *testing.T) {
	const n = 1000
	book := ledger.NewMemory()
	count := map[string]int{}
	for sent := range transport.SendAll(t.Context(), once(t, ledger.Once{Next: &halfway{}, Ledger: book}), campaign(t, n)) {
		count[fates(sent.Result)]++
	}
	if count["accepted, accepted"] != 1 || count["unknown, unknown"] != 1 || count["not sent, not sent"] != n-2 {
		t.Errorf("%v", count)
	}
	clear(count)
	for sent := range transport.SendAll(t.Context(), once(t, ledger.Once{Next: stub.New(), Ledger: book}), campaign(t, n)) {
		count[fates(sent.Result)]++
	}
	if count["accepted (replayed), accepted (replayed)"] != 1 || count["unknown (replayed), unknown (replayed)"] != 1 || count["accepted, accepted"] != n-2 {
		t.Errorf("the second run: %v", count)
	}
}

// TestSendAllEndsEarly: a caller who leaves the loop, a ctx that ends and a transport that was closed leave no
// claim open.
func TestSendAllEndsEarly(t *testing.T) {
	const n = 600
	book := ledger.NewMemory()
	tr := once(t, ledger.Once{Next: stub.New(), Ledger: book})
	got := 0
	for range transport.SendAll(t.Context(), tr, campaign(t, n)) {
		if got++; got == 10 {
			break
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range transport.SendAll(ctx, tr, campaign(t, n)) {
		cancel()
	}
	if err := transport.Shutdown(t.Context(), tr); err != nil {
		t.Error(err)
	}
	for sent, err := range transport.SendAll(t.Context(), tr, campaign(t, n)) {
		if !errors.Is(err, transport.ErrClosed) || sent.Result.Count(transport.NotSent) != 2 {
			t.Fatal(fates(sent.Result), err)
		}
	}
	relay, copies := stub.New(), 0
	for sent, err := range transport.SendAll(t.Context(), once(t, ledger.Once{Next: relay, Ledger: book}), campaign(t, n)) {
		if err != nil {
			t.Fatal(fates(sent.Result), err)
		}
		if !sent.Result.Recipients[0].Replayed {
			copies++
		}
	}
	if len(relay.Messages()) != copies {
		t.Errorf("%d mails went in the last run, %d arrived", copies, len(relay.Messages()))
	}
}
