package transporttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/depeche-mail/depeche/transport"
	"github.com/google/go-cmp/cmp"
)

const (
	rejected = "rejected@example.org"
	deferred = "deferred@example.org"
)

// newRefusing returns a transport whose far end refuses recipients.
func newRefusing(t *testing.T, h Harness) transport.Transport {
	t.Helper()
	return newTransport(t, Harness{New: func(t *testing.T) transport.Transport { return h.Refusing(t, rejected, deferred) }})
}

// wantOutcomes checks a result in which a recipient was refused, and its error.
func wantOutcomes(t *testing.T, result *transport.Result, err error, want ...transport.Outcome) {
	t.Helper()
	var failed *transport.SendError
	if !errors.As(err, &failed) || failed.Result != result {
		t.Fatalf("Send: %v, want a *SendError with the Result", err)
	}
	var got []transport.Outcome
	for _, r := range result.Recipients {
		got = append(got, r.Outcome)
		if class := r.Reply.Code / 100; r.Outcome == transport.Rejected && class != 5 || r.Outcome == transport.Deferred && class != 4 {
			t.Errorf("%v is %v by the answer %q", r.Address, r.Outcome, r.Reply)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	clean := !slices.Contains(want, transport.Accepted) && !slices.Contains(want, transport.Unknown)
	if failed.SafeToRetry() != clean || failed.Uncertain() != slices.Contains(want, transport.Unknown) {
		t.Errorf("safe to retry: %v, uncertain: %v", failed.SafeToRetry(), failed.Uncertain())
	}
	if slices.Contains(want, transport.Deferred) && !failed.Temporary() {
		t.Error("not temporary although a recipient was deferred")
	}
}

func testRefused(t *testing.T, h Harness) {
	tr := newRefusing(t, h)
	env := newEnvelope(t, "a@example.org", "b@example.org", rejected, "c@example.org", deferred)
	result, err := tr.Send(t.Context(), transport.Raw(env, []byte(content)))
	wantOutcomes(t, result, err, transport.Accepted, transport.Rejected, transport.Accepted, transport.Deferred)
	wantReceived(t, h, Received{"a@example.org", []string{"b@example.org", "c@example.org"}, []byte(content)})
}

func testEverybodyRefused(t *testing.T, h Harness) {
	tr := newRefusing(t, h)
	mail := transport.Raw(newEnvelope(t, "a@example.org", deferred, rejected), []byte(content))
	result, err := tr.Send(t.Context(), mail)
	wantOutcomes(t, result, err, transport.Deferred, transport.Rejected)
	wantReceived(t, h)
}

func testLost(t *testing.T, h Harness) {
	tr := newTransport(t, Harness{New: h.Losing})
	mail := transport.Raw(newEnvelope(t, "a@example.org", "b@example.org", "c@example.org"), []byte(content))
	result, err := tr.Send(t.Context(), mail)
	wantOutcomes(t, result, err, transport.Unknown, transport.Unknown)
}

func testSendAll(t *testing.T, h Harness) {
	tr := newTransport(t, h)
	var mails []transport.Mail
	var want []Received
	for i := range 40 {
		to := fmt.Sprintf("user%d@example.org", i)
		data := fmt.Appendf(nil, "Message-ID: <%d@example.org>\r\n\r\nfor %s\r\n", i, to)
		mails = append(mails, transport.Raw(newEnvelope(t, "a@example.org", to), data))
		want = append(want, Received{"a@example.org", []string{to}, data})
	}
	var seen []int
	for sent, err := range transport.SendAll(t.Context(), tr, slices.Values(mails)) {
		if sent.Index < 0 || sent.Index >= len(mails) || sent.Mail != mails[sent.Index] {
			t.Fatalf("yielded as number %d: %v", sent.Index, sent.Mail)
		}
		seen = append(seen, sent.Index)
		wantAccepted(t, sent.Mail.Envelope(), sent.Result, err)
		if id := fmt.Sprintf("<%d@example.org>", sent.Index); sent.Result.MessageID != id {
			t.Errorf("mail %d has the result of %s", sent.Index, sent.Result.MessageID)
		}
	}
	slices.Sort(seen)
	if len(seen) != len(mails) || len(slices.Compact(seen)) != len(mails) {
		t.Errorf("yielded %v", seen)
	}
	wantReceived(t, h, want...)
}

func testSendAllContextEnded(t *testing.T, h Harness) {
	tr := newTransport(t, h)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	taken, yielded := 0, 0
	mails := func(yield func(transport.Mail) bool) {
		for range 40 {
			taken++
			if !yield(transport.Raw(newEnvelope(t, "a@example.org", "b@example.org"), []byte(content))) {
				return
			}
		}
	}
	for sent, err := range transport.SendAll(ctx, tr, mails) {
		yielded++
		wantNotSent(t, sent.Result, err, context.Canceled)
	}
	if taken != yielded {
		t.Errorf("%d mails were taken, %d yielded", taken, yielded)
	}
	wantReceived(t, h)
}

func testShutdown(t *testing.T, h Harness) {
	tr := h.New(t)
	if err := transport.Shutdown(t.Context(), tr); err != nil {
		t.Fatalf("Shutdown: %v", err)
	}
	if err := transport.Close(tr); err != nil {
		t.Errorf("Close after Shutdown: %v", err)
	}
	_, shuts := tr.(transport.Shutdowner)
	_, closes := tr.(transport.Closer)
	if !shuts && !closes {
		return // nothing to end, nothing to check
	}
	result, err := tr.Send(t.Context(), transport.Raw(newEnvelope(t, "a@example.org", "b@example.org"), []byte(content)))
	wantNotSent(t, result, err, nil)
	wantReceived(t, h)
}
