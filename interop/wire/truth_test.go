package wire_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/interop/rig"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
)

// delivered waits until n messages are in a folder, and looks that there are no more.
func delivered(t *testing.T, r *rig.Rig, setting, name string, n int) {
	t.Helper()
	if n > 0 {
		r.Stored(t, setting, name, n)
	}
	entries, err := os.ReadDir(r.Get(t, setting) + "/" + name + "/new")
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if len(entries) != n {
		t.Errorf("%s has %d messages, want %d", name, len(entries), n)
	}
}

// forms of one mail over one connection.
func truthForms(b smtp.Builder) map[string]smtp.Builder {
	return map[string]smtp.Builder{
		"lockstep": b.Clone().DisableExtensions(extension.Pipelining, extension.Chunking),
		"DATA":     b.Clone().Chunking(client.ChunkingOff),
		"BDAT":     b.Clone().Chunking(client.ChunkingTrusted),
	}
}

// TestEximGoesOnAfter421: a recipient is answered 421, Exim goes on, and the content check of the others
// takes longer than a server that says goodbye has time for. Nothing is claimed about the others that the
// server has not said, and a retry gives each of them the mail once.
func TestEximGoesOnAfter421(t *testing.T) {
	r := rig.Start(t, "exim")
	host, port := r.HostPort(t, "EXIM_SMTP_ADDR")
	b := smtp.DangerousPlaintext(host).Port(port).Pool(smtp.Pool{MaxOpen: 1}).
		Timeouts(client.Timeouts{Reset: time.Second, Final: 20 * time.Second})
	for form, b := range truthForms(b) {
		for _, again := range []bool{false, true} {
			name := strings.ToLower(fmt.Sprint(form, again))
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				var sender transport.Transport = build(t, b.Clone())
				if again {
					var err error
					if sender, err = (policy.Retry{Next: sender, MaxAttempts: 2, InitialBackoff: time.Millisecond}).Build(); err != nil {
						t.Fatal(err)
					}
				}
				result, err := sender.Send(t.Context(), mail(t, "slowdata@rig.test", short,
					name+"1@rig.test", "bye@rig.test", name+"3@rig.test"))
				if err == nil {
					t.Fatal("the mail went to everyone")
				}
				for i, recipient := range result.Recipients {
					switch {
					case i == 1 && (recipient.Outcome != transport.Deferred || recipient.Reply.Code != 421):
						t.Errorf("bye is %v %v", recipient.Outcome, recipient.Reply)
					case i != 1 && recipient.Outcome == transport.Accepted:
						delivered(t, r, "EXIM_MAIL", fmt.Sprint(name, i+1), 1)
					case i != 1 && (recipient.Outcome != transport.NotSent || again || form == "BDAT"):
						t.Errorf("%v is %v %v: %v", recipient.Address, recipient.Outcome, recipient.Reply, err)
					case i != 1:
						delivered(t, r, "EXIM_MAIL", fmt.Sprint(name, i+1), 0)
					}
				}
			})
		}
	}
}

// TestPostfixRefusesAtDATA: what smtpd_data_restrictions refuses is refused for the mail that it is about,
// alone and between others in a window. Postfix hangs up after its 421; what it thought of the mail after
// that one, whose content is on its way already in the form of BDAT, it does not say.
func TestPostfixRefusesAtDATA(t *testing.T) {
	r := rig.Start(t, "postfix")
	host, port := r.HostPort(t, "POSTFIX_SMTP_ADDR")
	b := smtp.DangerousPlaintext(host).Port(port).Pool(smtp.Pool{MaxOpen: 1}).BulkWindow(20).ResendUnsent()
	wants := [...]struct {
		sender  string
		outcome transport.Outcome
	}{
		{"alice", transport.Accepted},
		{"baddata", transport.Rejected},
		{"bob", transport.Accepted},
		{"laterdata", transport.Deferred},
		{"carol", transport.Accepted},
		{"byedata", transport.Deferred},
		{"dave", transport.Accepted},
	}
	for form, b := range truthForms(b) {
		t.Run(form, func(t *testing.T) {
			const rounds = 5
			var outcomes [rounds * len(wants)]transport.Outcome
			to := func(i int) string { return fmt.Sprint("data", strings.ToLower(form), i) }
			for sent, err := range transport.SendAll(t.Context(), build(t, b), func(yield func(transport.Mail) bool) {
				for i := range outcomes {
					if !yield(mail(t, wants[i%len(wants)].sender+"@rig.test", short, to(i)+"@rig.test")) {
						return
					}
				}
			}) {
				want := wants[sent.Index%len(wants)]
				got := sent.Result.Recipients[0]
				afterBye := sent.Index > 0 && wants[(sent.Index-1)%len(wants)].sender == "byedata"
				if got.Outcome != want.outcome && !(form == "BDAT" && afterBye && got.Outcome == transport.Unknown) {
					t.Errorf("mail %d of %s is %v %v: %v", sent.Index, want.sender, got.Outcome, got.Reply, err)
				}
				outcomes[sent.Index] = got.Outcome
			}
			for i, outcome := range outcomes {
				n := 0
				if outcome == transport.Accepted {
					n = 1
				}
				delivered(t, r, "POSTFIX_MAIL", to(i), n)
			}
		})
	}
}

// TestPostfixIsHasty: Postfix hangs up after a second without a command, with its last words 421 4.4.2. The
// mail after a pause goes over a fresh connection, and arrives once.
func TestPostfixIsHasty(t *testing.T) {
	r := rig.Start(t, "postfix")
	host, port := r.HostPort(t, "POSTFIX_HASTY_ADDR")
	b := smtp.DangerousPlaintext(host).Port(port).Pool(smtp.Pool{MaxOpen: 1})
	pauses := []time.Duration{0, 900 * time.Millisecond, 990 * time.Millisecond, 1001 * time.Millisecond, 1010 * time.Millisecond, 1500 * time.Millisecond, 0}
	for form, b := range truthForms(b) {
		for _, bulk := range []bool{false, true} {
			name := strings.ToLower(fmt.Sprint("hasty", form, bulk))
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				sender := build(t, b.Clone())
				mails := func(yield func(transport.Mail) bool) {
					for i, pause := range pauses {
						time.Sleep(pause) // it is the pause that is tested, not a wait for something
						if !yield(mail(t, "alice@rig.test", short, fmt.Sprint(name, i, "@rig.test"))) {
							return
						}
					}
				}
				check := func(i int, result *transport.Result, err error) {
					if err != nil {
						t.Errorf("mail %d: %v", i, err)
						return
					}
					delivered(t, r, "POSTFIX_MAIL", fmt.Sprint(name, i), 1)
				}
				if bulk {
					for sent, err := range transport.SendAll(t.Context(), sender, mails) {
						check(sent.Index, sent.Result, err)
					}
					return
				}
				i := 0
				for m := range mails {
					result, err := sender.Send(t.Context(), m)
					check(i, result, err)
					i++
				}
			})
		}
	}
}
