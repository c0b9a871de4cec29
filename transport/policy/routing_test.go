package policy_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/stub"
	"github.com/google/go-cmp/cmp"
)

func TestByDomain(t *testing.T) {
	a, b, c := stub.Named("a"), stub.Named("b"), stub.Named("c")
	r := build(t, policy.ByDomain{Routes: map[string]transport.Transport{
		"example.org": a, ".example.org": b, "BÜCHER.example": c, ".deep.example.org": c, "[192.0.2.1]": c,
	}})
	cases := map[string]string{
		"x@example.org":             "a",
		"x@EXAMPLE.ORG":             "a",
		"x@sub.example.org":         "b",
		"x@sub.sub.example.org":     "b",
		"x@deep.example.org":        "b",
		"x@sub.deep.example.org":    "c",
		"x@xn--bcher-kva.example":   "c",
		"x@notexample.org":          "",
		"x@example.org.example.net": "",
		"x@[192.0.2.1]":             "c",
		"x@[192.0.2.2]":             "",
	}
	for to, want := range cases {
		result, err := r.Send(t.Context(), mail(t, to))
		if got := result.Recipients[0].Relay; got != want || errors.Is(err, policy.ErrNoRoute) != (want == "") {
			t.Errorf("%s: by %q, want %q: %v", to, got, want, err)
		}
	}
}

func TestByDomainParts(t *testing.T) {
	a, b := stub.Named("a").AlwaysFor("2@a.example", stub.Reject(transport.PhaseRcpt, 550)), stub.Named("b").Always(stub.LoseReply())
	r := build(t, policy.ByDomain{Routes: map[string]transport.Transport{"a.example": a, "b.example": b}})
	result, err := r.Send(t.Context(), mail(t, "1@b.example", "2@a.example", "3@c.example", "4@a.example", "5@b.example"))
	want := []string{"unknown b", "rejected a", "not sent", "accepted a", "unknown b"}
	if diff := cmp.Diff(want, fates(result)); diff != "" {
		t.Error(diff)
	}
	var failed *transport.SendError
	if !errors.As(err, &failed) || !errors.Is(err, policy.ErrNoRoute) || !errors.Is(err, io.ErrUnexpectedEOF) || !failed.Uncertain() {
		t.Errorf("%v", err)
	}
	if diff := cmp.Diff([][]string{{"2", "4"}}, offered(a)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([][]string{{"1", "5"}}, offered(b)); diff != "" {
		t.Error(diff)
	}
}

func TestByDomainContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := stub.Named("a").Always(stub.Accept().WithReplyDelay(time.Hour)), stub.Named("b")
		r := build(t, policy.ByDomain{Routes: map[string]transport.Transport{"a.example": a}, Default: b})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		result, err := r.Send(ctx, mail(t, "1@a.example", "2@b.example"))
		if diff := cmp.Diff([]string{"unknown a", "not sent"}, fates(result)); diff != "" || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v\n%s", err, diff)
		}
	})
}

func TestTee(t *testing.T) {
	a := stub.Named("a").
		AlwaysFor("gone@example.org", stub.Reject(transport.PhaseRcpt, 550)).
		AlwaysFor("lost@example.org", stub.LoseReply())
	aside := stub.New()
	var failures []error
	tee := build(t, policy.Tee{Next: a, Copy: aside, OnCopyError: func(_ transport.Mail, failed *transport.SendError) { failures = append(failures, failed) }})
	result, _ := tee.Send(t.Context(), mail(t, "x@example.org", "gone@example.org", "lost@example.org"))
	if diff := cmp.Diff([]string{"accepted a", "rejected a", "unknown a"}, fates(result)); diff != "" {
		t.Error(diff)
	}
	_, _ = tee.Send(t.Context(), mail(t, "gone@example.org"))
	if diff := cmp.Diff([][]string{{"x", "lost"}}, offered(aside)); diff != "" || len(failures) > 0 {
		t.Errorf("%v\n%s", failures, diff)
	}
	aside.Always(stub.Fail(transport.PhaseDial, io.EOF))
	if _, err := tee.Send(t.Context(), mail(t, "x@example.org")); err != nil {
		t.Errorf("a lost copy is an error of the mail: %v", err)
	}
	if len(failures) != 1 || !errors.Is(failures[0], io.EOF) {
		t.Errorf("reported %v", failures)
	}
}

func TestRedirectAll(t *testing.T) {
	lost := stub.Named("a").Next(stub.Accept(), stub.LoseReply(), stub.Reject(transport.PhaseRcpt, 550))
	r := build(t, policy.RedirectAll{Next: lost, To: address(t, "staging@example.org")})
	for _, want := range []string{"accepted a", "unknown a", "rejected a"} {
		result, err := r.Send(t.Context(), mail(t, "x@example.com", "y@example.com"))
		if diff := cmp.Diff([]string{want, want}, fates(result)); diff != "" || (err == nil) != result.AllAccepted() {
			t.Errorf("%v\n%s", err, diff)
		}
		var failed *transport.SendError
		if err != nil && (!errors.As(err, &failed) || failed.Result != result || failed.Phase == "") {
			t.Errorf("%#v", err)
		}
		if result.Recipients[1].Address.String() != "y@example.com" || result.MessageID != "<1@example.org>" {
			t.Errorf("%+v", result)
		}
	}
	if diff := cmp.Diff([][]string{{"staging"}, {"staging"}, {"staging"}}, offered(lost)); diff != "" {
		t.Error(diff)
	}
}

// TestRedirectedRefusal: what a relay says of itself is true of each recipient, what it says of the address that got the mail is not.
func TestRedirectedRefusal(t *testing.T) {
	for fault, want := range map[transport.Fault]transport.Fault{
		transport.FaultRelay: transport.FaultRelay, transport.FaultAccount: transport.FaultAccount, transport.FaultRecipient: transport.FaultUnknown,
	} {
		relay := transport.Func(func(_ context.Context, m transport.Mail) (*transport.Result, error) {
			result := transport.NewResult(m.Envelope(), transport.Deferred, transport.Reply{Code: 450})
			result.Recipients[0].Fault, result.Recipients[0].RetryAfter = fault, time.Hour
			return result, &transport.SendError{Result: result, Phase: transport.PhaseMail, Reply: result.Recipients[0].Reply}
		})
		r := build(t, policy.RedirectAll{Next: relay, To: address(t, "staging@example.org")})
		result, err := r.Send(t.Context(), mail(t, "x@example.com", "y@example.com"))
		if err == nil {
			t.Error("it was accepted")
		}
		for _, r := range result.Recipients {
			if r.Fault != want || r.RetryAfter != time.Hour {
				t.Errorf("%v became %v after %v", fault, r.Fault, r.RetryAfter)
			}
		}
	}
}

func TestWishes(t *testing.T) {
	own := envelope.Options{DSNReturn: envelope.ReturnFull, HoldFor: time.Hour, Priority: 3}
	ours := envelope.Options{
		DSNReturn: envelope.ReturnHeaders, EnvelopeID: "id", RequireTLS: true, HoldUntil: time.Unix(1e9, 0), Priority: -1,
		DeliverBy: envelope.DeliverBy{Within: time.Hour}, Submitter: address(t, "s@example.org"),
	}
	filled, forced := ours, ours
	filled.DSNReturn, filled.HoldFor, filled.HoldUntil, filled.Priority = envelope.ReturnFull, time.Hour, time.Time{}, 3
	cases := map[string]struct {
		make     func(over transport.Transport) (transport.Transport, error)
		delivery envelope.Options
		notify   []envelope.Notify
		from     string
	}{
		"defaults": {
			func(over transport.Transport) (transport.Transport, error) {
				return policy.Defaults{Next: over, Options: ours, Notify: envelope.NotifyDelay}.Build()
			}, filled, []envelope.Notify{envelope.NotifyNever, envelope.NotifyDelay}, "from@example.org",
		},
		"overrides": {
			func(over transport.Transport) (transport.Transport, error) {
				return policy.Overrides{Next: over, From: address(t, "bounce@example.org"), Options: ours, Notify: envelope.NotifyDelay}.Build()
			}, forced, []envelope.Notify{envelope.NotifyDelay, envelope.NotifyDelay}, "bounce@example.org",
		},
		"overrides of the sender alone": {
			func(over transport.Transport) (transport.Transport, error) {
				return policy.Overrides{Next: over, From: address(t, "bounce@example.org")}.Build()
			}, own, []envelope.Notify{envelope.NotifyNever, 0}, "bounce@example.org",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			a := stub.New()
			made, err := tc.make(a)
			if err != nil {
				t.Fatal(err)
			}
			to := []envelope.Recipient{{Address: address(t, "x@example.org"), Notify: envelope.NotifyNever}, {Address: address(t, "y@example.org")}}
			for _, from := range []envelope.Address{address(t, "from@example.org"), {}} {
				e, err := envelope.NewWithOptions(from, to, own)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := made.Send(t.Context(), transport.Raw(e, []byte("Subject: x\r\n\r\nx\r\n"))); err != nil {
					t.Fatal(err)
				}
			}
			got := a.Messages()[0].Envelope
			if got.Options() != tc.delivery || got.At(0).Notify != tc.notify[0] || got.At(1).Notify != tc.notify[1] || got.From().String() != tc.from {
				t.Errorf("sent %v %+v %v %v", got.From(), got.Options(), got.At(0).Notify, got.At(1).Notify)
			}
			if null := a.Messages()[1].Envelope.From(); !null.IsNull() {
				t.Errorf("the null path became %v", null)
			}
		})
	}
}

// unsized is a mail that knows nothing of itself.
type unsized struct{ transport.Mail }

func TestLimit(t *testing.T) {
	three := mail(t, "x@example.org", "y@example.org", "z@example.org")
	size := int64(len("Subject: x\r\nMessage-ID: <1@example.org>\r\n\r\nx\r\n"))
	cases := map[string]struct {
		limit policy.Limit
		mail  transport.Mail
		want  *policy.LimitError
	}{
		"just right":          {policy.Limit{Recipients: 3, MaxBytes: size}, three, nil},
		"recipients":          {policy.Limit{Recipients: 2}, three, &policy.LimitError{Limit: "recipients", Count: 3, Max: 2}},
		"octets":              {policy.Limit{MaxBytes: size - 1}, three, &policy.LimitError{Limit: "octets", Count: size, Max: size - 1}},
		"counted octets":      {policy.Limit{MaxBytes: size - 1}, unsized{three}, &policy.LimitError{Limit: "octets", Count: size, Max: size - 1}},
		"counted, just right": {policy.Limit{MaxBytes: size}, unsized{three}, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			a := stub.New()
			tc.limit.Next = a
			_, err := build(t, tc.limit).Send(t.Context(), tc.mail)
			var got *policy.LimitError
			errors.As(err, &got)
			if diff := cmp.Diff(tc.want, got); diff != "" || (len(a.Calls()) == 0) != (tc.want != nil) {
				t.Errorf("%v, %d calls\n%s", err, len(a.Calls()), diff)
			}
		})
	}
}

func TestDiscard(t *testing.T) {
	d := transport.Discard()
	result, err := d.Send(t.Context(), mail(t, "x@example.org"))
	if err != nil || result.Relay != "discard" || !result.AllAccepted() || result.MessageID != "<1@example.org>" {
		t.Errorf("%+v, %v", result, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Send(ctx, mail(t, "x@example.org")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := d.Send(t.Context(), transport.Raw(envelope.Envelope{}, nil)); !errors.Is(err, envelope.ErrNoRecipient) {
		t.Error(err)
	}
	if err := transport.Close(d); err != nil {
		t.Error(err)
	}
	if _, err := d.Send(t.Context(), mail(t, "x@example.org")); !errors.Is(err, transport.ErrClosed) {
		t.Error(err)
	}
}

func TestWrap(t *testing.T) {
	var order []string
	step := func(name string) policy.Middleware {
		return func(ctx context.Context, mail transport.Mail, next transport.Transport) (*transport.Result, error) {
			order = append(order, name)
			result, err := next.Send(ctx, mail)
			order = append(order, name+" back")
			return result, err
		}
	}
	suppressed := errors.New("suppressed")
	refuse := func(_ context.Context, mail transport.Mail, _ transport.Transport) (*transport.Result, error) {
		return transport.Fail(mail, transport.PhaseMessage, suppressed)
	}
	a := stub.New()
	if _, err := build(t, policy.Wrap{Next: a, Middleware: []policy.Middleware{step("1"), step("2")}}).Send(t.Context(), mail(t, "x@example.org")); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"1", "2", "2 back", "1 back"}, order); diff != "" {
		t.Error(diff)
	}
	if _, err := build(t, policy.Wrap{Next: a, Middleware: []policy.Middleware{refuse}}).Send(t.Context(), mail(t, "x@example.org")); !errors.Is(err, suppressed) || len(a.Calls()) != 1 {
		t.Errorf("%v, %d calls", err, len(a.Calls()))
	}
}
