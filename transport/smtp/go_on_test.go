package smtp_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// goesOn is a relay that says 421 to one recipient and goes on, as Exim 4.98 does with "defer message = 421".
func goesOn() smtptest.Hook {
	return smtptest.Script(smtptest.Case{At: smtptest.Rcpt, Recipient: "busy@example.org", Do: smtptest.Reply("421 4.7.0 not now")})
}

// TestOthersGoOn: where a 421 to one recipient keeps the content back, the others get it over another
// connection, in a mail without that one: by SendAll if the caller asked for it. Send leaves them NotSent.
func TestOthersGoOn(t *testing.T) {
	for _, all := range []bool{false, true} {
		for _, extensions := range [][]string{{"PIPELINING"}, {"SIZE"}} {
			t.Run(fmt.Sprintf("%v, all: %v", extensions, all), func(t *testing.T) {
				srv := smtptest.NewUnstartedServer(t)
				srv.Config.Extensions = extensions
				srv.Config.Hooks = []smtptest.Hook{goesOn()}
				srv.Start()
				sender := build(t, relay(srv).Chunking(client.ChunkingOff).ResendUnsent().Pool(smtp.Pool{MaxOpen: 1}))
				m := mail(t, "a@example.org", "busy@example.org", "c@example.org")
				var result *transport.Result
				if all {
					for sent := range transport.SendAll(t.Context(), sender, func(yield func(transport.Mail) bool) { yield(m) }) {
						result = sent.Result
					}
				} else {
					result, _ = sender.Send(t.Context(), m) // the result tells
				}
				others, stored := transport.NotSent, 0
				if all {
					others, stored = transport.Accepted, 1
				}
				for i, want := range []transport.Outcome{others, transport.Deferred, others} {
					if got := result.Recipients[i]; got.Outcome != want || (want == transport.Deferred) != (got.Reply.Code == 421) {
						t.Errorf("%s: %v %v, want %v", got.Address, got.Outcome, got.Reply, want)
					}
				}
				messages := srv.Messages()
				if len(messages) != stored {
					t.Fatalf("%d stored", len(messages))
				}
				if all && fmt.Sprint(messages[0].Addresses()) != "[a@example.org c@example.org]" {
					t.Errorf("stored for %v", messages[0].Addresses())
				}
			})
		}
	}
}

// TestLastWordsOfARelay: what a relay says to a connection that was used before, and then closes, costs a
// connection and no mail. A refusal for good stands, and so does one of a relay that goes on.
func TestLastWordsOfARelay(t *testing.T) {
	for name, tc := range map[string]struct {
		at       string
		do       smtptest.Action
		want     transport.Outcome
		sessions int
	}{
		"451 to MAIL and the end": {smtptest.Mail, smtptest.Reply("451 4.3.0 bye").Then(smtptest.Close()), transport.Accepted, 2},
		"421 to RCPT and the end": {smtptest.Rcpt, smtptest.Reply("421 4.3.2 bye").Then(smtptest.Close()), transport.Accepted, 2},
		"451 4.4.2 to MAIL":       {smtptest.Mail, smtptest.Reply("451 4.4.2 timeout"), transport.Accepted, 2},
		"451 to MAIL":             {smtptest.Mail, smtptest.Reply("451 4.3.0 later"), transport.Deferred, 1},
		"550 to MAIL and the end": {smtptest.Mail, smtptest.Reply("550 5.7.1 no").Then(smtptest.Close()), transport.Rejected, 1},
	} {
		t.Run(name, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			srv.Config.Hooks = []smtptest.Hook{smtptest.Script(smtptest.Case{At: tc.at, Session: 1, Ordinal: 2, Do: tc.do})}
			srv.Start()
			sender := build(t, relay(srv).Chunking(client.ChunkingOff).Pool(smtp.Pool{MaxOpen: 1}))
			if _, err := sender.Send(t.Context(), mail(t, "a@example.org")); err != nil {
				t.Fatal(err)
			}
			result, err := sender.Send(t.Context(), mail(t, "b@example.org"))
			if got := result.Recipients[0].Outcome; got != tc.want || len(srv.Sessions()) != tc.sessions {
				t.Errorf("%v over %d connections, want %v over %d: %v", got, len(srv.Sessions()), tc.want, tc.sessions, err)
			}
		})
	}
}

// TestOthersGoNowhere: when no other connection can be had, what was said of one recipient stays.
func TestOthersGoNowhere(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Hooks = []smtptest.Hook{goesOn(), func(e smtptest.Event) smtptest.Action {
		if e.At == smtptest.Greeting && e.Session > 1 {
			return smtptest.Close()
		}
		return smtptest.Action{}
	}}
	srv.Start()
	sender := build(t, relay(srv).Chunking(client.ChunkingOff).ResendUnsent().WaitForRelay(0).Pool(smtp.Pool{MaxOpen: 1}))
	m := mail(t, "a@example.org", "busy@example.org")
	for sent, err := range transport.SendAll(t.Context(), sender, func(yield func(transport.Mail) bool) { yield(m) }) {
		first, second := sent.Result.Recipients[0], sent.Result.Recipients[1]
		if first.Outcome != transport.NotSent || second.Outcome != transport.Deferred || second.Reply.Code != 421 || !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%v, %v, %v", first, second, err)
		}
	}
}
