package transport_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/google/go-cmp/cmp"
)

func address(t *testing.T, s string) envelope.Address {
	t.Helper()
	a, err := envelope.ParseAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func env(t *testing.T, to ...string) envelope.Envelope {
	t.Helper()
	var list []envelope.Address
	for _, s := range to {
		list = append(list, address(t, s))
	}
	e, err := envelope.New(address(t, "from@example.org"), list...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestSendErrorPredicates(t *testing.T) {
	type outcomes []transport.Outcome
	timeout := &net.OpError{Op: "dial", Err: context.DeadlineExceeded}
	cases := map[string]struct {
		outcomes                   outcomes
		err                        error
		temporary, safe, uncertain bool
	}{
		"refused for good":           {outcomes{transport.Rejected}, nil, false, true, false},
		"refused for now":            {outcomes{transport.Deferred}, nil, true, true, false},
		"one of two deferred":        {outcomes{transport.Accepted, transport.Deferred}, nil, true, false, false},
		"one of two rejected":        {outcomes{transport.Accepted, transport.Rejected}, nil, false, false, false},
		"verdict lost":               {outcomes{transport.Unknown}, io.ErrUnexpectedEOF, false, false, true},
		"accepted and unknown":       {outcomes{transport.Accepted, transport.Unknown}, io.EOF, false, false, true},
		"dial failed":                {outcomes{transport.NotSent}, timeout, true, true, false},
		"canceled before":            {outcomes{transport.NotSent}, context.Canceled, true, true, false},
		"the body failed":            {outcomes{transport.NotSent}, errors.New("no such file"), false, true, false},
		"a cause that knows: yes":    {outcomes{transport.NotSent}, verdict(true), true, true, false},
		"a cause that knows: no":     {outcomes{transport.NotSent}, verdict(false), false, true, false},
		"canceled after half a list": {outcomes{transport.Rejected, transport.NotSent}, context.Canceled, true, true, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			e := &transport.SendError{Result: &transport.Result{}, Phase: transport.PhaseFinal, Err: tc.err}
			for _, o := range tc.outcomes {
				e.Result.Recipients = append(e.Result.Recipients, transport.RecipientResult{Outcome: o})
			}
			got := []bool{e.Temporary(), e.SafeToRetry(), e.Uncertain()}
			want := []bool{tc.temporary, tc.safe, tc.uncertain}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("temporary, safe to retry, uncertain:\n%s", diff)
			}
			if tc.err != nil && !errors.Is(e, tc.err) {
				t.Error("the cause is not reachable")
			}
		})
	}
}

// TestEndOfTheBody: an error of the end of a stream in the body may be one of the message's source, which does not get better
// by another attempt.
func TestEndOfTheBody(t *testing.T) {
	for phase, want := range map[transport.Phase]bool{transport.PhaseBody: false, transport.PhaseFinal: true, transport.PhaseMail: true} {
		result, _ := transport.Fail(transport.Raw(env(t, "b@example.org"), nil), phase, nil)
		failed := &transport.SendError{Result: result, Phase: phase, Err: io.ErrUnexpectedEOF}
		if failed.Temporary() != want || failed.TemporaryCause() != want {
			t.Errorf("%s: temporary %v, want %v", phase, failed.Temporary(), want)
		}
	}
}

// TestResultClone: a change of the clone does not reach the result.
func TestResultClone(t *testing.T) {
	result := transport.NewResult(env(t, "b@example.org", "c@example.org"), transport.Accepted, transport.Reply{Code: 250})
	own := result.Clone()
	own.Recipients[0].Outcome, own.Relay = transport.Rejected, "x"
	if !result.AllAccepted() || result.Relay != "" || own.AllAccepted() {
		t.Errorf("%+v, clone %+v", result, own)
	}
}

type verdict bool

func (v verdict) Error() string   { return "verdict" }
func (v verdict) Temporary() bool { return bool(v) }

func TestSendErrorText(t *testing.T) {
	result := transport.NewResult(env(t, "a@example.org", "b@example.org"), transport.Accepted, transport.Reply{})
	reply := transport.Reply{Code: 550, Enhanced: "5.1.1", Lines: []string{"no such", "user"}}
	result.Recipients[1].Outcome, result.Recipients[1].Reply = transport.Rejected, reply
	refused := &transport.SendError{Result: result, Phase: transport.PhaseRcpt, Reply: reply}
	if diff := cmp.Diff("send: 1 of 2 recipients not accepted, first b@example.org rejected: rcpt: 550 5.1.1 no such user", refused.Error()); diff != "" {
		t.Error(diff)
	}
	_, err := transport.Fail(transport.Raw(env(t, "a@example.org"), nil), transport.PhaseDial, io.EOF)
	if diff := cmp.Diff("send: a@example.org not sent: dial: EOF", err.Error()); diff != "" {
		t.Error(diff)
	}
}

func TestRaw(t *testing.T) {
	content := []byte("Subject: x\r\nMessage-Id:\r\n <a@\r\n b>\r\nX: y\r\n\r\nMessage-ID: <no>\r\n\xc3\xa9\r\n")
	mail := transport.Raw(env(t, "a@example.org"), content)
	for range 2 {
		var b bytes.Buffer
		if n, err := mail.WriteTo(&b); n != int64(len(content)) || err != nil || !bytes.Equal(b.Bytes(), content) {
			t.Fatalf("wrote %d, %v: %q", n, err, b.Bytes())
		}
	}
	if got := transport.MessageID(mail); got != "<a@b>" {
		t.Errorf("Message-ID %q", got)
	}
	for _, none := range []string{"", "Subject: x\r\n\r\nMessage-ID: <no>\r\n", "Message-IDs: <x>\r\n"} {
		if got := transport.MessageID(transport.Raw(env(t, "a@example.org"), []byte(none))); got != "" {
			t.Errorf("%q has Message-ID %q", none, got)
		}
	}
	info, err := transport.InfoOf(mail)
	if err != nil || info != (transport.BodyInfo{Size: int64(len(content)), EightBit: true}) {
		t.Error("wrong facts of an 8-bit body under a 7-bit header")
	}
}

func TestCRLF(t *testing.T) {
	cases := map[string]string{
		"":                "",
		"a\r\nb\r\n":      "a\r\nb\r\n",
		"a\nb\n":          "a\r\nb\r\n",
		"a\rb\r":          "a\r\nb\r\n",
		"\n\r\n\r\r\n\n":  "\r\n\r\n\r\n\r\n\r\n",
		"mixed\r\nand\nx": "mixed\r\nand\r\nx",
	}
	for in, want := range cases {
		if diff := cmp.Diff(want, string(transport.NormalizeNewlines([]byte(in)))); diff != "" {
			t.Errorf("%q: %s", in, diff)
		}
	}
	same := []byte("a\r\n")
	if got := transport.NormalizeNewlines(same); &got[0] != &same[0] {
		t.Error("a canonical message was copied")
	}
}

func TestOutcomeText(t *testing.T) {
	for o := transport.NotSent; o <= transport.Unknown; o++ {
		text, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		var back transport.Outcome
		if err := json.Unmarshal(text, &back); err != nil || back != o {
			t.Errorf("%s reads back as %v, %v", text, back, err)
		}
	}
	var o transport.Outcome
	if err := json.Unmarshal([]byte(`"delivered"`), &o); err == nil {
		t.Error("an unknown word was read as an outcome")
	}
	if got := transport.Outcome(9).String(); got != "outcome 9" {
		t.Error(got)
	}
}

// able has every optional ability and notes which was used.
type able struct {
	transport.Func
	calls []string
}

func (a *able) Close() error                   { a.calls = append(a.calls, "close"); return nil }
func (a *able) Shutdown(context.Context) error { a.calls = append(a.calls, "shutdown"); return nil }
func (a *able) Check(context.Context) error    { a.calls = append(a.calls, "check"); return io.EOF }

func TestAbilities(t *testing.T) {
	a := &able{}
	ctx := t.Context()
	if err := errors.Join(transport.Close(a), transport.Shutdown(ctx, a)); err != nil {
		t.Error(err)
	}
	if err := transport.Check(ctx, a); !errors.Is(err, io.EOF) {
		t.Errorf("Check: %v", err)
	}
	if diff := cmp.Diff([]string{"close", "shutdown", "check"}, a.calls); diff != "" {
		t.Error(diff)
	}
	plain := transport.Func(func(context.Context, transport.Mail) (*transport.Result, error) { return nil, nil })
	if err := errors.Join(transport.Close(plain), transport.Shutdown(ctx, plain), transport.Check(ctx, plain)); err != nil {
		t.Errorf("a transport without abilities: %v", err)
	}
}

// TestConnectionLost: one question for all transports, those of other packages too. The cause that knows answers for
// itself.
func TestConnectionLost(t *testing.T) {
	for name, tc := range map[string]struct {
		phase transport.Phase
		err   error
		want  bool
	}{
		"a session":               {transport.PhaseRcpt, io.ErrUnexpectedEOF, true},
		"before the verdict":      {transport.PhaseFinal, io.EOF, true},
		"a source that ends":      {transport.PhaseBody, io.EOF, false},
		"a message":               {transport.PhaseMessage, io.EOF, false},
		"no connection":           {transport.PhaseDial, io.EOF, false},
		"waiting":                 {transport.PhaseWait, io.EOF, false},
		"the end of ctx":          {transport.PhaseMail, errors.Join(context.Canceled, io.EOF), false},
		"nothing but a refusal":   {transport.PhaseMail, nil, false},
		"a cause that says no":    {transport.PhaseMail, lossless{}, false},
		"an attempt, lost":        {transport.PhaseDial, &transport.SendError{Phase: transport.PhaseMail, Err: io.EOF}, true},
		"an attempt, not reached": {transport.PhaseMail, &transport.SendError{Phase: transport.PhaseDial, Err: io.EOF}, false},
	} {
		if got := errors.Is(&transport.SendError{Phase: tc.phase, Err: tc.err}, transport.ErrConnectionLost); got != tc.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// lossless is a cause with io.EOF in it that says that no connection was lost.
type lossless struct{}

func (lossless) Error() string        { return "x" }
func (lossless) Unwrap() error        { return io.EOF }
func (lossless) ConnectionLost() bool { return false }

// TestRefused: those whom a relay refused, and not those who were not tried or whose fate is not known.
func TestRefused(t *testing.T) {
	result := transport.NewResult(env(t, "a@example.org", "b@example.org", "c@example.org", "d@example.org", "e@example.org"), transport.Accepted, transport.Reply{})
	for i, o := range []transport.Outcome{transport.Rejected, transport.NotSent, transport.Deferred, transport.Unknown, transport.Accepted} {
		result.Recipients[i].Outcome = o
	}
	var got []string
	for _, r := range result.Refused() {
		got = append(got, r.Address.String())
	}
	if diff := cmp.Diff([]string{"a@example.org", "c@example.org"}, got); diff != "" {
		t.Error(diff)
	}
}
