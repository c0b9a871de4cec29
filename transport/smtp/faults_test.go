package smtp_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// TestFaultsOfRefusals: each refusal says whom it is about, with the reply, over DATA, BDAT and LMTP.
func TestFaultsOfRefusals(t *testing.T) {
	for name, tc := range map[string]struct {
		hooks []smtptest.Hook
		lmtp  bool
		want  []string // of b and c
		reply string   // of the error
	}{
		"greeting":         {hooks: []smtptest.Hook{smtptest.On(smtptest.Greeting, smtptest.Reply("554 5.3.2 not now"))}, want: []string{"not sent relay", "not sent relay"}, reply: "554 5.3.2 not now"},
		"blocked":          {hooks: []smtptest.Hook{smtptest.On(smtptest.Greeting, smtptest.Reply("554 5.7.1 listed"))}, want: []string{"not sent policy", "not sent policy"}, reply: "554 5.7.1 listed"},
		"EHLO":             {hooks: []smtptest.Hook{smtptest.On(smtptest.Ehlo, smtptest.Reply("550 5.7.0 who?"))}, want: []string{"not sent policy", "not sent policy"}, reply: "550 5.7.0 who?"},
		"STARTTLS":         {hooks: []smtptest.Hook{smtptest.On(smtptest.StartTLS, smtptest.Reply("454 4.3.0 no TLS now"))}, want: []string{"not sent relay", "not sent relay"}, reply: "454 4.3.0 no TLS now"},
		"AUTH":             {hooks: []smtptest.Hook{smtptest.On(smtptest.Auth, smtptest.Reply("535 5.7.8 no"))}, want: []string{"not sent account", "not sent account"}, reply: "535 5.7.8 no"},
		"no login":         {hooks: []smtptest.Hook{smtptest.On(smtptest.Mail, smtptest.Reply("530 5.7.0 login first"))}, want: []string{"rejected account", "rejected account"}, reply: "530 5.7.0 login first"},
		"sender":           {hooks: []smtptest.Hook{smtptest.On(smtptest.Mail, smtptest.Reply("550 5.1.1 unknown"))}, want: []string{"rejected sender", "rejected sender"}, reply: "550 5.1.1 unknown"},
		"one recipient":    {hooks: []smtptest.Hook{smtptest.Script(smtptest.Case{At: smtptest.Rcpt, Ordinal: 2, Do: smtptest.Reply("550 5.1.1 unknown")})}, want: []string{"accepted unknown", "rejected recipient"}, reply: "550 5.1.1 unknown"},
		"the name we use":  {hooks: []smtptest.Hook{smtptest.On(smtptest.Rcpt, smtptest.Reply("504 5.5.2 fully qualified, please"))}, want: []string{"rejected relay", "rejected relay"}, reply: "504 5.5.2 fully qualified, please"},
		"content of two":   {hooks: []smtptest.Hook{smtptest.On(smtptest.End, smtptest.Reply("550 5.1.1 unknown"))}, want: []string{"rejected unknown", "rejected unknown"}, reply: "550 5.1.1 unknown"},
		"content":          {hooks: []smtptest.Hook{smtptest.On(smtptest.End, smtptest.Reply("552 5.3.4 too big"))}, want: []string{"rejected message", "rejected message"}, reply: "552 5.3.4 too big"},
		"content, by LMTP": {lmtp: true, hooks: []smtptest.Hook{smtptest.On(smtptest.End, smtptest.Reply("550 5.1.1 unknown"))}, want: []string{"rejected recipient", "rejected recipient"}, reply: "550 5.1.1 unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			srv.Config.Hooks = tc.hooks
			if tc.lmtp {
				srv.Config.Protocol, srv.Config.Security = smtptest.LMTP, smtptest.Plaintext
			}
			srv.Start()
			b := relay(srv)
			if tc.lmtp {
				b = smtp.LMTP(srv.Host()).Port(srv.Port())
			}
			result, err := build(t, b).Send(t.Context(), mail(t, "b@example.org", "c@example.org"))
			var got []string
			for _, r := range result.Recipients {
				got = append(got, r.Outcome.String()+" "+r.Fault.String())
			}
			failed, ok := errors.AsType[*transport.SendError](err)
			if diff := cmp.Diff(tc.want, got); diff != "" || !ok || failed.Reply.String() != tc.reply {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

// TestPhaseOfLoss: the phase is the step that was waited for when the connection was lost, whatever the way the
// content travels.
func TestPhaseOfLoss(t *testing.T) {
	steps := []struct {
		at   string
		want transport.Phase
	}{
		{smtptest.Greeting, transport.PhaseGreeting},
		{smtptest.Ehlo, transport.PhaseHello},
		{smtptest.Auth, transport.PhaseAuth},
		{smtptest.Mail, transport.PhaseMail},
		{smtptest.Rcpt, transport.PhaseRcpt},
		{smtptest.Data, transport.PhaseData},
		{smtptest.End, transport.PhaseFinal},
	}
	for name, without := range map[string][]string{
		"lockstep": {"PIPELINING", "CHUNKING", "BINARYMIME"}, "pipelined": {"CHUNKING", "BINARYMIME"}, "chunks": nil,
	} {
		for _, step := range steps {
			for way, do := range map[string]smtptest.Action{"closes": smtptest.Close(), "is silent": smtptest.Silence()} {
				t.Run(name+"/"+string(step.want)+"/"+way, func(t *testing.T) {
					at := step.at
					if name == "chunks" { // the content has left with MAIL
						switch at {
						case smtptest.Data:
							at, step.want = smtptest.End, transport.PhaseFinal
						case smtptest.Mail, smtptest.Rcpt:
							step.want = transport.PhaseFinal
						}
					}
					synctest.Test(t, func(t *testing.T) {
						_, b := inMemory(t, func(c *smtptest.Config) {
							c.RequireAuth, c.Extensions, c.Hooks = true, smtptest.Without(without...), []smtptest.Hook{smtptest.On(at, do)}
						})
						_, err := build(t, b.Timeouts(quick)).Send(t.Context(), mail(t, "b@example.org"))
						failed, ok := errors.AsType[*transport.SendError](err)
						if !ok || failed.Phase != step.want || !failed.Reply.IsZero() {
							t.Errorf("%v, want a loss in %s", err, step.want)
						}
						if errors.Is(err, context.DeadlineExceeded) {
							t.Errorf("%v is taken for the deadline of the caller", err)
						}
					})
				})
			}
		}
	}
}

// told is an observer that keeps the kinds of decisions.
type told struct {
	mu    sync.Mutex
	kinds []transport.DecisionKind
}

func (o *told) Begin(context.Context, transport.Mail) func(*transport.Result, error) { return nil }

func (o *told) Decide(_ context.Context, d transport.Decision) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kinds = append(o.kinds, d.Kind)
}

// TestDecisionsOfARelay: connections, tokens and mails that go over another connection are told.
func TestDecisionsOfARelay(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Hooks = []smtptest.Hook{smtptest.Script(smtptest.Case{At: smtptest.Mail, Ordinal: 2, Do: smtptest.Close()})}
	srv.Start()
	asked := 0
	secret, err := authentication.PasswordFrom(smtptest.User, func(context.Context) (string, error) {
		if asked++; asked == 3 {
			return "", context.Canceled
		}
		return smtptest.Password, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	o := &told{}
	b := smtp.StartTLSRelay(srv.Host()).Port(srv.Port()).TLSConfig(srv.ClientTLS()).Credentials(secret).Chunking(client.ChunkingOff)
	sender, err := policy.Observe{Next: build(t, b), Observer: o}.Build()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := sender.Send(t.Context(), mail(t, "b@example.org")); err != nil {
			t.Fatal(err)
		}
	}
	_, _ = sender.Send(t.Context(), mail(t, "b@example.org")) // the decisions tell
	want := []transport.DecisionKind{
		transport.DecisionToken, transport.DecisionConnect,
		transport.DecisionDisconnect, transport.DecisionResend, transport.DecisionToken, transport.DecisionConnect,
	}
	if len(o.kinds) < len(want) || !slices.Equal(o.kinds[:len(want)], want) || !slices.Contains(o.kinds, transport.DecisionTokenFail) ||
		!slices.Contains(o.kinds, transport.DecisionConnectFail) {
		t.Errorf("told %v", o.kinds)
	}
}

// TestWaitingSaysForWhat: who waits for a connection is told so, with the number of them.
func TestWaitingSaysForWhat(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Hooks = []smtptest.Hook{smtptest.On(smtptest.Greeting, smtptest.Silence())}
	srv.Start()
	sender := build(t, relay(srv).Pool(smtp.Pool{MaxOpen: 1}).Timeouts(client.Timeouts{Reply: time.Minute}))
	busy, cancel := context.WithCancel(t.Context())
	var first sync.WaitGroup
	first.Go(func() { _, _ = sender.Send(busy, mail(t, "b@example.org")) })
	if err := srv.Wait(t.Context(), func() bool { return len(srv.Sessions()) == 1 }); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer stop()
	_, err := sender.Send(ctx, mail(t, "b@example.org"))
	want := "send: b@example.org not sent: " + srv.Addr() + ": wait: waiting for one of 1 connections: context deadline exceeded"
	if err == nil || err.Error() != want || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want %s", err, want)
	}
	cancel()
	first.Wait()
}
