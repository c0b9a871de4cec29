package smtp_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/depeche-mail/depeche/transport/transporttest"
	"github.com/google/go-cmp/cmp"
)

// relay returns the usual configuration for srv: STARTTLS and a login.
func relay(srv *smtptest.Server) smtp.Builder {
	return smtp.StartTLSRelay(srv.Host()).Port(srv.Port()).TLSConfig(srv.ClientTLS()).
		Login(smtptest.User, smtptest.Password)
}

func build(t *testing.T, b smtp.Builder) *smtp.Transport {
	t.Helper()
	sender, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sender.Close() })
	return sender
}

func address(t *testing.T, s string) envelope.Address {
	t.Helper()
	a, err := envelope.ParseAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

const content = "From: a@example.org\r\nMessage-ID: <m@example.org>\r\nSubject: x\r\n\r\n.text\r\n"

func mail(t *testing.T, to ...string) transport.Mail {
	t.Helper()
	var list []envelope.Address
	for _, s := range to {
		list = append(list, address(t, s))
	}
	env, err := envelope.New(address(t, "a@example.org"), list...)
	if err != nil {
		t.Fatal(err)
	}
	return transport.Raw(env, []byte(content))
}

// TestConformance runs the rules of every transport over each form and protocol.
func TestConformance(t *testing.T) {
	for name, form := range map[string]struct {
		server func(c *smtptest.Config)
		client func(b smtp.Builder) smtp.Builder
	}{
		"BDAT":            {},
		"DATA":            {client: func(b smtp.Builder) smtp.Builder { return b.Chunking(client.ChunkingOff) }},
		"lockstep":        {server: func(c *smtptest.Config) { c.Extensions = smtptest.Without("PIPELINING", "CHUNKING", "BINARYMIME") }},
		"all or nothing":  {client: smtp.Builder.AllOrNothing},
		"one connection":  {client: func(b smtp.Builder) smtp.Builder { return b.Pool(smtp.Pool{MaxOpen: 1}) }},
		"BDAT, no probe":  {client: func(b smtp.Builder) smtp.Builder { return b.Chunking(client.ChunkingTrusted) }},
		"one mail a time": {client: func(b smtp.Builder) smtp.Builder { return b.Pool(smtp.Pool{MaxMessages: 1}) }},
	} {
		t.Run(name, func(t *testing.T) {
			var srv *smtptest.Server
			open := func(t *testing.T, hooks ...smtptest.Hook) transport.Transport {
				srv = smtptest.NewUnstartedServer(t)
				if form.server != nil {
					form.server(&srv.Config)
				}
				srv.Config.Hooks = append(srv.Config.Hooks, hooks...)
				srv.Start()
				b := relay(srv)
				if form.client != nil {
					b = form.client(b)
				}
				sender, err := b.Build()
				if err != nil {
					t.Fatal(err)
				}
				return sender
			}
			h := transporttest.Harness{
				New: func(t *testing.T) transport.Transport { return open(t) },
				Refusing: func(t *testing.T, rejected, deferred string) transport.Transport {
					return open(t, smtptest.RefuseRecipients(map[string]string{rejected: "550 5.1.1 gone", deferred: "450 4.2.1 later"}))
				},
				Losing:   func(t *testing.T) transport.Transport { return open(t, smtptest.On(smtptest.End, smtptest.Close())) },
				Received: func(t *testing.T) []transporttest.Received { return received(t, srv, name == "BDAT, no probe") },
			}
			if name == "all or nothing" { // the suite is about transports that send to whom they can
				h.Refusing = nil
			}
			transporttest.Run(t, h)
		})
	}
}

func received(t *testing.T, srv *smtptest.Server, trusted bool) (list []transporttest.Received) {
	t.Helper()
	for _, v := range srv.Violations() {
		if v.Rule == smtptest.ChunkRule && trusted {
			continue // the user said so
		}
		t.Errorf("violation: %v", v)
	}
	for _, m := range srv.Messages() {
		list = append(list, transporttest.Received{From: m.From.Address, To: m.Addresses(), Data: m.Content})
	}
	return list
}

// TestFailures: each usual failure has its outcome, phase and type.
func TestFailures(t *testing.T) {
	type want struct {
		outcome   transport.Outcome
		phase     transport.Phase
		code      int
		temporary bool
	}
	cases := map[string]struct {
		server func(c *smtptest.Config)
		client func(b smtp.Builder, srv *smtptest.Server) smtp.Builder
		want   want
		as     any // a pointer for errors.As
	}{
		"wrong password": {
			client: func(b smtp.Builder, _ *smtptest.Server) smtp.Builder { return b.Login(smtptest.User, "wrong") },
			want:   want{transport.NotSent, transport.PhaseAuth, 0, false}, as: new(*client.Error),
		},
		"unknown host": {
			client: func(smtp.Builder, *smtptest.Server) smtp.Builder { return smtp.Relay("host.invalid") },
			want:   want{transport.NotSent, transport.PhaseDial, 0, true}, as: new(*net.DNSError),
		},
		"refused recipient": {
			server: hooks(smtptest.On(smtptest.Rcpt, smtptest.Reply("550 5.1.1 no such user"))),
			want:   want{transport.Rejected, transport.PhaseRcpt, 550, false},
		},
		"recipient refused for now": {
			server: hooks(smtptest.On(smtptest.Rcpt, smtptest.Reply("450 4.2.1 greylisted"))),
			want:   want{transport.Deferred, transport.PhaseRcpt, 450, true},
		},
		"refused content": {
			server: hooks(smtptest.On(smtptest.End, smtptest.Reply("554 5.6.0 spam"))),
			want:   want{transport.Rejected, transport.PhaseFinal, 554, false},
		},
		"verdict lost": {
			server: hooks(smtptest.On(smtptest.End, smtptest.Accept().Then(smtptest.Reset()))),
			want:   want{transport.Unknown, transport.PhaseFinal, 0, true}, as: new(*client.Error),
		},
		"expired certificate": {
			server: func(c *smtptest.Config) { c.Certificate = smtptest.Expired },
			want:   want{transport.NotSent, transport.PhaseTLS, 0, false}, as: new(x509.CertificateInvalidError),
		},
		"certificate of somebody else": {
			server: func(c *smtptest.Config) { c.Certificate = smtptest.WrongName },
			want:   want{transport.NotSent, transport.PhaseTLS, 0, false}, as: new(x509.HostnameError),
		},
		"STARTTLS stripped": {
			server: func(c *smtptest.Config) { c.Hello.Plain = []string{"PIPELINING"} },
			want:   want{transport.NotSent, transport.PhaseTLS, 0, false},
		},
		"greeting that never comes": {
			server: hooks(smtptest.On(smtptest.Greeting, smtptest.Silence())),
			client: func(b smtp.Builder, _ *smtptest.Server) smtp.Builder { return b.Timeout(20 * time.Millisecond) },
			want:   want{transport.NotSent, transport.PhaseGreeting, 0, true}, as: new(net.Error),
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			if tc.server != nil {
				tc.server(&srv.Config)
			}
			srv.Start()
			b := relay(srv)
			if tc.client != nil {
				b = tc.client(b, srv)
			}
			result, err := build(t, b).Send(t.Context(), mail(t, "b@example.org"))
			var failed *transport.SendError
			if !errors.As(err, &failed) {
				t.Fatalf("got %v", err)
			}
			got := want{result.Recipients[0].Outcome, failed.Phase, failed.Reply.Code, failed.Temporary()}
			if tc.want.outcome == transport.Unknown {
				got.temporary = tc.want.temporary // no caller may ask this of an unknown outcome
			}
			if got.code == 535 {
				got.code = 0
			}
			if got != tc.want {
				t.Errorf("%v: got %+v, want %+v", err, got, tc.want)
			}
			if tc.as != nil && !errors.As(err, tc.as) {
				t.Errorf("%v holds no %T", err, tc.as)
			}
			if strings.Contains(err.Error(), smtptest.Password) || strings.Contains(err.Error(), "wrong") && name == "wrong password" && strings.Contains(err.Error(), ":wrong") {
				t.Errorf("the error shows the password: %v", err)
			}
			if failed.Uncertain() != (tc.want.outcome == transport.Unknown) {
				t.Error("Uncertain does not agree with the outcome")
			}
		})
	}
}

func hooks(list ...smtptest.Hook) func(*smtptest.Config) {
	return func(c *smtptest.Config) { c.Hooks = list }
}

// brokenSource is a mail whose content ends too early.
type brokenSource struct{ transport.Mail }

func (b brokenSource) WriteTo(w io.Writer) (int64, error) {
	n, _ := io.WriteString(w, content[:20])
	return int64(n), os.ErrPermission
}

func (brokenSource) BodyInfo() (transport.BodyInfo, bool) {
	return transport.BodyInfo{Size: int64(len(content))}, true
}

// TestBrokenSourceLeavesNothing: half a message is accepted for no recipient, over both forms.
func TestBrokenSourceLeavesNothing(t *testing.T) {
	for name, chunking := range map[string]client.Chunking{"DATA": client.ChunkingOff, "BDAT": client.ChunkingTrusted} {
		t.Run(name, func(t *testing.T) {
			srv := smtptest.NewServer(t)
			sender := build(t, relay(srv).Chunking(chunking))
			result, err := sender.Send(t.Context(), brokenSource{mail(t, "b@example.org")})
			if result.Recipients[0].Outcome != transport.NotSent || !errors.Is(err, os.ErrPermission) {
				t.Errorf("%v, %v", result.Recipients, err)
			}
			if _, err := sender.Send(t.Context(), mail(t, "b@example.org")); err != nil {
				t.Errorf("the transport is of no use any more: %v", err)
			}
			if got := srv.Messages(); len(got) != 1 || string(got[0].Content) != content {
				t.Errorf("%d messages", len(got))
			}
		})
	}
}

// TestStaleConnection: a reused connection that the server has closed costs one retry and nothing
// else.
func TestStaleConnection(t *testing.T) {
	for name, hook := range map[string]smtptest.Hook{
		"closed at MAIL":          smtptest.Script(smtptest.Case{At: smtptest.Mail, Session: 1, Transaction: 1, Do: smtptest.Close()}),
		"reset at MAIL":           smtptest.Script(smtptest.Case{At: smtptest.Mail, Session: 1, Transaction: 1, Do: smtptest.Reset()}),
		"421 to MAIL":             smtptest.Script(smtptest.Case{At: smtptest.Mail, Session: 1, Transaction: 1, Do: smtptest.Reply("421 4.3.2 enough").Then(smtptest.Close())}),
		"closed after the first":  smtptest.Script(smtptest.Case{At: smtptest.End, Session: 1, Do: smtptest.Default().Then(smtptest.Close())}),
		"421 and closed, unasked": smtptest.Script(smtptest.Case{At: smtptest.End, Session: 1, Do: smtptest.Default().Then(smtptest.Flush()).Then(smtptest.Raw("421 4.4.2 idle\r\n")).Then(smtptest.Close())}),
	} {
		t.Run(name, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			srv.Config.Hooks = []smtptest.Hook{hook}
			srv.Start()
			sender := build(t, relay(srv).Chunking(client.ChunkingOff))
			for i := range 3 {
				if result, err := sender.Send(t.Context(), mail(t, "b@example.org")); err != nil || !result.AllAccepted() {
					t.Fatalf("mail %d: %v", i, err)
				}
			}
			if n := len(srv.Messages()); n != 3 {
				t.Errorf("%d messages arrived", n)
			}
			if n := len(srv.Sessions()); n != 2 {
				t.Errorf("%d connections", n)
			}
		})
	}
}

// TestFreshConnectionIsNotRetried: only a reused connection is worth another attempt; a server that
// always closes sees one connection per mail.
func TestFreshConnectionIsNotRetried(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Hooks = []smtptest.Hook{smtptest.On(smtptest.Mail, smtptest.Close())}
	srv.Start()
	sender := build(t, relay(srv).Chunking(client.ChunkingOff)) // by BDAT the content leaves with MAIL
	result, err := sender.Send(t.Context(), mail(t, "b@example.org"))
	if err == nil || result.Recipients[0].Outcome != transport.NotSent || len(srv.Sessions()) != 1 {
		t.Errorf("%v, %d connections", err, len(srv.Sessions()))
	}
}

// TestResult checks everything that a success tells, the queue id among it.
func TestResult(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Hooks = []smtptest.Hook{smtptest.On(smtptest.End, smtptest.Reply("250 2.0.0 Ok: queued as 4F2A91"))}
	srv.Start()
	sender := build(t, relay(srv))
	result, err := sender.Send(t.Context(), mail(t, "b@example.org"))
	if err != nil {
		t.Fatal(err)
	}
	timing := result.Timing
	result.Timing = transport.Timing{}
	want := &transport.Result{
		Recipients: []transport.RecipientResult{{
			Address: address(t, "b@example.org"), Outcome: transport.Accepted,
			Reply: transport.Reply{Code: 250, Enhanced: "2.0.0", Lines: []string{"Ok: queued as 4F2A91"}},
		}},
		MessageID: "<m@example.org>", QueueID: "4F2A91", Relay: srv.Addr(),
	}
	if diff := cmp.Diff(want, result, cmp.Comparer(func(a, b envelope.Address) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	if timing.Connect <= 0 || timing.Final <= 0 || timing.Wait != 0 {
		t.Errorf("timing %+v", timing)
	}
}

// TestQueueIDIsOfTheAccepted: a queue id comes from the reply of a recipient who was accepted.
func TestQueueIDIsOfTheAccepted(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Hooks = []smtptest.Hook{smtptest.Script(
		smtptest.Case{At: smtptest.Rcpt, Recipient: "a@example.org", Do: smtptest.Reply("550 5.1.1 no such mailbox, queued as 111")},
		smtptest.Case{At: smtptest.End, Do: smtptest.Reply("250 2.0.0 Ok: queued as 222")},
	)}
	srv.Start()
	result, err := build(t, relay(srv)).Send(t.Context(), mail(t, "a@example.org", "b@example.org"))
	if err == nil || result == nil || result.QueueID != "222" {
		t.Errorf("%+v, %v", result, err)
	}
}

// TestContextInEachPhase ends the context while the server is silent in each phase: Send
// returns with that cause and the right outcome, and the next mail is sent.
func TestContextInEachPhase(t *testing.T) {
	for _, at := range []string{
		smtptest.Greeting, smtptest.Ehlo, smtptest.StartTLS, smtptest.Auth, smtptest.Mail, smtptest.Rcpt, smtptest.Data, smtptest.End,
	} {
		t.Run(at, func(t *testing.T) {
			reached := make(chan struct{})
			srv := smtptest.NewUnstartedServer(t)
			srv.Config.Hooks = []smtptest.Hook{func(e smtptest.Event) smtptest.Action {
				if e.Session == 1 && e.At == at {
					close(reached)
					return smtptest.Silence()
				}
				return smtptest.Action{}
			}}
			srv.Start()
			sender := build(t, relay(srv).Chunking(client.ChunkingOff))
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				<-reached
				cancel()
			}()
			result, err := sender.Send(ctx, mail(t, "b@example.org"))
			want := transport.NotSent
			if at == smtptest.End {
				want = transport.Unknown
			}
			if result.Recipients[0].Outcome != want || !errors.Is(err, context.Canceled) {
				t.Errorf("%v, %v; want %v", result.Recipients[0].Outcome, err, want)
			}
			if _, err := sender.Send(t.Context(), mail(t, "b@example.org")); err != nil {
				t.Errorf("the mail after it: %v", err)
			}
		})
	}
}

// TestShutdown says goodbye and refuses further mail with an error of its own.
func TestShutdown(t *testing.T) {
	srv := smtptest.NewServer(t)
	sender := build(t, relay(srv))
	if _, err := sender.Send(t.Context(), mail(t, "b@example.org")); err != nil {
		t.Fatal(err)
	}
	if err := sender.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	sessions, err := srv.WaitIdle(t.Context(), 1)
	if err != nil || sessions[0].Count("QUIT") != 1 {
		t.Errorf("%v, %d QUIT", err, sessions[0].Count("QUIT"))
	}
	if _, err := sender.Send(t.Context(), mail(t, "b@example.org")); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

// TestRoundTrips counts flights at the server: one with CHUNKING once it is proven, two with
// PIPELINING alone, four with neither, for 1 and for 100 recipients (100 + 3 in lockstep); no NOOP and
// no RSET of our own.
func TestRoundTrips(t *testing.T) {
	many := make([]string, 100)
	for i := range many {
		many[i] = fmt.Sprintf("r%d@example.org", i)
	}
	for name, tc := range map[string]struct {
		extensions     []string
		one, oneOfMany int
	}{
		"CHUNKING and PIPELINING": {nil, 1, 1},
		"PIPELINING":              {smtptest.Without("CHUNKING", "BINARYMIME"), 2, 2},
		"neither":                 {smtptest.Without("CHUNKING", "BINARYMIME", "PIPELINING"), 4, 103},
	} {
		t.Run(name, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			srv.Config.Extensions = tc.extensions
			srv.Config.Linger = 2 * time.Millisecond
			srv.Start()
			sender := build(t, relay(srv).Pool(smtp.Pool{MaxOpen: 1}))
			flights := func(to ...string) int {
				before := srv.Sessions()
				if _, err := sender.Send(t.Context(), mail(t, to...)); err != nil {
					t.Fatal(err)
				}
				trips := srv.Sessions()[0].RoundTrips
				if len(before) > 0 {
					trips -= before[0].RoundTrips
				}
				return trips
			}
			flights("first@example.org") // opens the connection, and proves CHUNKING
			if got := flights("b@example.org"); got != tc.one {
				t.Errorf("%d round trips for one recipient, want %d", got, tc.one)
			}
			if got := flights(many...); got != tc.oneOfMany {
				t.Errorf("%d round trips for 100 recipients, want %d", got, tc.oneOfMany)
			}
			session := srv.Sessions()[0]
			if len(srv.Sessions()) != 1 || session.Count("NOOP") != 0 || session.Count("RSET") > 1 { // one belongs to the probe
				t.Errorf("%d connections, %d NOOP, %d RSET", len(srv.Sessions()), session.Count("NOOP"), session.Count("RSET"))
			}
		})
	}
}
