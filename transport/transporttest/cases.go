package transporttest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	gocmp "github.com/google/go-cmp/cmp"
)

const content = "From: a@example.org\r\nTo: b@example.org\r\nMessage-ID: <m@example.org>\r\nSubject: conformance\r\n\r\n" +
	".a dot\r\n..two dots\r\n.\r\nthe end\r\n"

func newTransport(t *testing.T, h Harness) transport.Transport {
	t.Helper()
	tr := h.New(t)
	t.Cleanup(func() {
		if err := transport.Close(tr); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return tr
}

func newEnvelope(t *testing.T, from string, to ...string) envelope.Envelope {
	t.Helper()
	parse := func(s string) (a envelope.Address) {
		if err := a.UnmarshalText([]byte(s)); err != nil {
			t.Fatal(err)
		}
		return a
	}
	var list []envelope.Address
	for _, s := range to {
		list = append(list, parse(s))
	}
	env, err := envelope.New(parse(from), list...)
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// wantAccepted checks a result that claims success for env.
func wantAccepted(t *testing.T, env envelope.Envelope, result *transport.Result, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("Send: %v", err)
	}
	if result == nil || len(result.Recipients) != env.Len() {
		t.Fatalf("Result = %+v, want %d recipients", result, env.Len())
	}
	for i, r := range result.Recipients {
		if r.Address != env.At(i).Address || r.Outcome != transport.Accepted {
			t.Errorf("recipient %d is %v %v, want %v accepted", i, r.Address, r.Outcome, env.At(i).Address)
		}
	}
}

// wantNotSent checks an error that claims that nothing was sent.
func wantNotSent(t *testing.T, result *transport.Result, err, cause error) {
	t.Helper()
	var failed *transport.SendError
	if !errors.As(err, &failed) {
		t.Fatalf("Send: %v, want a *SendError", err)
	}
	if cause != nil && !errors.Is(err, cause) {
		t.Errorf("Send: %v, want the cause %v", err, cause)
	}
	if result == nil || failed.Result != result {
		t.Fatalf("Result %p, in the error %p; want the same", result, failed.Result)
	}
	if n := result.Count(transport.NotSent); n != len(result.Recipients) {
		t.Errorf("%d of %d recipients not sent", n, len(result.Recipients))
	}
	if !failed.SafeToRetry() || failed.Uncertain() {
		t.Error("not safe to retry although nothing was sent")
	}
}

func wantReceived(t *testing.T, h Harness, want ...Received) {
	t.Helper()
	type arrived struct{ From, To, Data string } // strings, because they are compared faster
	sorted := func(list []Received) []arrived {
		out := make([]arrived, len(list))
		for i, r := range list {
			out[i] = arrived{r.From, strings.Join(r.To, " "), string(r.Data)}
		}
		slices.SortFunc(out, func(a, b arrived) int { return cmp.Or(cmp.Compare(a.To, b.To), cmp.Compare(a.Data, b.Data)) })
		return out
	}
	if diff := gocmp.Diff(sorted(want), sorted(h.Received(t))); diff != "" {
		t.Errorf("received (-want +got):\n%s", diff)
	}
}

func testAccepts(t *testing.T, h Harness) {
	tr := newTransport(t, h)
	env := newEnvelope(t, "a@example.org", "z@example.org", "b@example.org", `"odd @ one"@example.org`)
	result, err := tr.Send(t.Context(), transport.WithKey(transport.Raw(env, []byte(content)), "order-1/receipt"))
	wantAccepted(t, env, result, err)
	if result.Key != "order-1/receipt" {
		t.Errorf("key %q: a transport calls Result.Identify for each result", result.Key)
	}
	if result.MessageID != "<m@example.org>" || result.Relay == "" {
		t.Errorf("Message-ID %q, relay %q", result.MessageID, result.Relay)
	}
	wantReceived(t, h, Received{"a@example.org", []string{"z@example.org", "b@example.org", `"odd @ one"@example.org`}, []byte(content)})
}

func testNullSender(t *testing.T, h Harness) {
	tr := newTransport(t, h)
	env := newEnvelope(t, "", "b@example.org")
	result, err := tr.Send(t.Context(), transport.Raw(env, []byte(content)))
	wantAccepted(t, env, result, err)
	wantReceived(t, h, Received{"", []string{"b@example.org"}, []byte(content)})
}

func testTwice(t *testing.T, h Harness) {
	tr := newTransport(t, h)
	env := newEnvelope(t, "a@example.org", "b@example.org")
	mail := transport.Raw(env, []byte(content))
	for range 2 {
		result, err := tr.Send(t.Context(), mail)
		wantAccepted(t, env, result, err)
	}
	one := Received{"a@example.org", []string{"b@example.org"}, []byte(content)}
	wantReceived(t, h, one, one)
}

// broken is a mail whose source fails after some octets, or, with fail unset, after none.
type broken struct {
	transport.Mail
	after int64
}

var errSource = errors.New("transporttest: the source failed")

func (b broken) WriteTo(w io.Writer) (int64, error) {
	n, err := io.CopyN(w, bytes.NewReader(bytes.Repeat([]byte("0123456789abcde\r\n"), 1<<16)), b.after)
	return n, errors.Join(err, errSource)
}

func (b broken) BodyInfo() (transport.BodyInfo, bool) {
	return transport.BodyInfo{Size: 17 << 16}, true
}

func testBodyFails(t *testing.T, h Harness) {
	env := newEnvelope(t, "a@example.org", "b@example.org")
	good := transport.Raw(env, []byte(content))
	for _, after := range []int64{0, 1, 17, 100, 17 << 15} {
		t.Run(fmt.Sprintf("after %d octets", after), func(t *testing.T) {
			tr := newTransport(t, h)
			result, err := tr.Send(t.Context(), broken{good, after})
			wantNotSent(t, result, err, errSource)
			wantReceived(t, h)
			result, err = tr.Send(t.Context(), good)
			wantAccepted(t, env, result, err) // the transport is still usable
			wantReceived(t, h, Received{"a@example.org", []string{"b@example.org"}, []byte(content)})
		})
	}
}

func testContextEnded(t *testing.T, h Harness) {
	tr := newTransport(t, h)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	result, err := tr.Send(ctx, transport.Raw(newEnvelope(t, "a@example.org", "b@example.org"), []byte(content)))
	wantNotSent(t, result, err, context.Canceled)
	wantReceived(t, h)
}

func testNoRecipient(t *testing.T, h Harness) {
	tr := newTransport(t, h)
	result, err := tr.Send(t.Context(), transport.Raw(envelope.Envelope{}, []byte(content)))
	wantNotSent(t, result, err, envelope.ErrNoRecipient)
	wantReceived(t, h)
}

func testConcurrent(t *testing.T, h Harness) {
	tr := newTransport(t, h)
	var sends sync.WaitGroup
	var want []Received
	for i := range 16 {
		to := fmt.Sprintf("user%d@example.org", i)
		env := newEnvelope(t, "a@example.org", to)
		data := fmt.Appendf(nil, "Subject: %d\r\n\r\nfor %s\r\n", i, to)
		want = append(want, Received{"a@example.org", []string{to}, data})
		sends.Go(func() {
			result, err := tr.Send(t.Context(), transport.Raw(env, data))
			if err != nil || !result.AllAccepted() {
				t.Errorf("send %d: %+v, %v", i, result, err)
			}
		})
	}
	sends.Wait()
	wantReceived(t, h, want...)
}

func testClosed(t *testing.T, h Harness) {
	tr := h.New(t)
	if _, ok := tr.(transport.Closer); !ok {
		return // nothing to close, nothing to check
	}
	if err := transport.Close(tr); err != nil {
		t.Fatal(err)
	}
	result, err := tr.Send(t.Context(), transport.Raw(newEnvelope(t, "a@example.org", "b@example.org"), []byte(content)))
	wantNotSent(t, result, err, nil)
	wantReceived(t, h)
	if err := transport.Close(tr); err != nil {
		t.Errorf("a second Close: %v", err)
	}
}
