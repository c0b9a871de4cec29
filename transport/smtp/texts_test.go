package smtp_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/file"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/sendmail"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/depeche-mail/depeche/transport/stub"
	"github.com/google/go-cmp/cmp"
)

var updateTexts = flag.Bool("update-texts", false, "write testdata/texts.golden anew")

// failing is one way to fail in one place.
type failing struct {
	name string
	send func(t *testing.T) error
}

// stable takes out of a text what differs from run to run: ports, folders, and by which system call a lost connection
// shows.
var stable = []struct {
	from *regexp.Regexp
	to   string
}{
	{regexp.MustCompile(`(read|write) tcp 127\.0\.0\.1:\d+->127\.0\.0\.1:\d+: `), "$1 tcp ADDRESSES: "},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "RELAY"},
	{regexp.MustCompile(`(read|write) tcp ADDRESSES: (write: broken pipe|read: connection reset by peer|write: connection reset by peer)`), "unexpected EOF"},
	{regexp.MustCompile(`(/[A-Za-z0-9._-]+)+/`), "FOLDER/"},
	{regexp.MustCompile(`FOLDER/[0-9TZA-Z.-]+\.json`), "FOLDER/ID.json"},
}

// line says everything about an error that a program or a person goes by.
func line(name string, err error) string {
	failed, ok := errors.AsType[*transport.SendError](err)
	if !ok {
		return name + ": accepted"
	}
	var outcomes, flags, sentinels []string
	for _, r := range failed.Result.Recipients {
		outcomes = append(outcomes, r.Outcome.String()+"/"+r.Fault.String())
	}
	for flag, set := range map[string]bool{"temporary": failed.Temporary(), "safe": failed.SafeToRetry(), "uncertain": failed.Uncertain()} {
		if set {
			flags = append(flags, flag)
		}
	}
	slices.Sort(flags)
	for _, s := range []struct {
		name string
		err  error
	}{
		{"closed", transport.ErrClosed},
		{"busy", smtp.ErrBusy},
		{"canceled", context.Canceled},
		{"deadline", context.DeadlineExceeded},
		{"injection", client.ErrInjection},
		{"unsolicited", client.ErrUnsolicited},
		{"no STARTTLS", client.ErrNoStartTLS},
	} {
		if errors.Is(err, s.err) {
			sentinels = append(sentinels, s.name)
		}
	}
	text := err.Error()
	for _, s := range stable {
		text = s.from.ReplaceAllString(text, s.to)
	}
	return fmt.Sprintf("%s\n  %s, phase %s, reply %q, %s, is %s\n  %s", name, strings.Join(outcomes, " "), failed.Phase,
		failed.Reply.String(), strings.Join(flags, " "), strings.Join(sentinels, " "), text)
}

// overSMTP are all phases times ways to fail of a relay.
func overSMTP(lmtp bool) []failing {
	points := []string{smtptest.Greeting, smtptest.Ehlo, smtptest.StartTLS, smtptest.Auth, smtptest.Mail, smtptest.Rcpt, smtptest.Data, smtptest.End}
	protocol := "smtp"
	if lmtp {
		points = []string{smtptest.Greeting, smtptest.Mail, smtptest.Rcpt, smtptest.Data, smtptest.End}
		protocol = "lmtp"
	}
	ways := []struct {
		name string
		do   smtptest.Action
		wait time.Duration // of the caller
	}{
		{"for now", smtptest.Reply("450 4.3.0 later"), 0},
		{"for good", smtptest.Reply("550 5.1.1 <b@example.org>: no"), 0},
		{"421", smtptest.Reply("421 4.3.2 closing").Then(smtptest.Close()), 0},
		{"closed", smtptest.Close(), 0},
		{"silence", smtptest.Silence(), 0},
		{"garbage", smtptest.Raw("hello there\r\n"), 0},
		{"the caller's deadline", smtptest.Silence(), time.Second},
	}
	var list []failing
	for _, at := range points {
		for _, way := range ways {
			list = append(list, failing{fmt.Sprintf("%s/%s/%s", protocol, at, way.name), func(t *testing.T) error {
				srv := smtptest.NewUnstartedServer(t)
				srv.Config.Extensions = smtptest.Without("CHUNKING", "BINARYMIME")
				srv.Config.Hooks = []smtptest.Hook{smtptest.On(at, way.do)}
				if lmtp {
					srv.Config.Protocol, srv.Config.Security = smtptest.LMTP, smtptest.Plaintext
				}
				srv.Start()
				b := relay(srv).HelloName("client.example")
				if lmtp {
					b = smtp.LMTP(srv.Host()).Port(srv.Port())
				}
				ctx, limits := t.Context(), client.Timeouts{}
				if way.name == "silence" { // long enough for all phases before it on a busy machine
					limits = client.Timeouts{Reply: time.Second, Data: time.Second, Final: time.Second, Reset: time.Second}
				}
				if way.wait > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, way.wait)
					defer cancel()
				}
				_, err := build(t, b.Timeouts(limits)).Send(ctx, mail(t, "b@example.org"))
				return err
			}})
		}
	}
	return list
}

// elsewhere are the other transports, and groups of them.
func elsewhere() []failing {
	m := func(t *testing.T) transport.Mail { return mail(t, "b@example.org", "c@example.org") }
	send := func(t *testing.T, s transport.Transport) error {
		_, err := s.Send(t.Context(), m(t))
		return err
	}
	script := func(t *testing.T, body string) transport.Transport {
		path := filepath.Join(t.TempDir(), "sendmail.sh")
		// Written by another process: one that this process starts elsewhere at the same time could hold the file open
		// for writing, and the system does not run such a file.
		writer := exec.CommandContext(t.Context(), "/bin/sh", "-c", `cat >"$0" && chmod 700 "$0"`, path)
		writer.Stdin = strings.NewReader("#!/bin/sh\ncat >/dev/null\n" + body + "\n")
		if out, err := writer.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return sendmail.Command(path)
	}
	closed := func(s transport.Transport) transport.Transport {
		_ = transport.Close(s) // only that it is closed matters
		return s
	}
	lost := func(name string) *stub.Transport {
		return stub.Named(name).Always(stub.Fail(transport.PhaseDial, io.EOF))
	}
	made := func(t *testing.T, d interface {
		Build() (transport.Transport, error)
	},
	) transport.Transport {
		s, err := d.Build()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	return []failing{
		{"sendmail/no such user", func(t *testing.T) error { return send(t, script(t, "echo no such user >&2; exit 67")) }},
		{"sendmail/later", func(t *testing.T) error { return send(t, script(t, "exit 75")) }},
		{"sendmail/no command", func(t *testing.T) error { return send(t, sendmail.Command("/no/such/command")) }},
		{"sendmail/closed", func(t *testing.T) error { return send(t, closed(sendmail.Command("/bin/true"))) }},
		{"file/folder taken away", func(t *testing.T) error {
			dir := filepath.Join(t.TempDir(), "out")
			s, err := file.New(dir)
			if err == nil {
				err = os.RemoveAll(dir)
			}
			if err != nil {
				t.Fatal(err)
			}
			return send(t, s)
		}},
		{"file/closed", func(t *testing.T) error {
			s, err := file.New(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			return send(t, closed(s))
		}},
		{"stub/some refused", func(t *testing.T) error {
			return send(t, stub.New().AlwaysFor("c@example.org", stub.Reject(transport.PhaseRcpt, 550, "5.1.1 no such user")))
		}},
		{"stub/verdict lost", func(t *testing.T) error { return send(t, stub.New().Always(stub.LoseReply())) }},
		{"stub/closed", func(t *testing.T) error { return send(t, closed(stub.New())) }},
		{"discard/closed", func(t *testing.T) error { return send(t, closed(transport.Discard())) }},
		{"smtp/closed", func(t *testing.T) error { return send(t, closed(build(t, smtp.DangerousPlaintext("127.0.0.1")))) }},
		{"failover/both down", func(t *testing.T) error {
			b := stub.Named("b").Always(stub.Reject(transport.PhaseMail, 530, "5.7.0 authentication required"))
			return send(t, made(t, policy.Failover{Relays: []transport.Transport{lost("a"), b}}))
		}},
		{"failover/one recipient accepted by the second", func(t *testing.T) error {
			a := stub.Named("a").AlwaysFor("b@example.org", stub.Reject(transport.PhaseRcpt, 450, "4.3.0 disk full")).
				AlwaysFor("c@example.org", stub.Reject(transport.PhaseRcpt, 550, "5.1.1 no such user"))
			return send(t, made(t, policy.Failover{Relays: []transport.Transport{a, stub.Named("b")}}))
		}},
		{"retry/three times", func(t *testing.T) error {
			return send(t, made(t, policy.Retry{Next: lost("a"), MaxAttempts: 3, InitialBackoff: 1}))
		}},
		{"retry over failover", func(t *testing.T) error {
			both := made(t, policy.Failover{Relays: []transport.Transport{lost("a"), lost("b")}, RetryPeriod: 1})
			return send(t, made(t, policy.Retry{Next: both, MaxAttempts: 2, InitialBackoff: 1}))
		}},
		{"bydomain/no route", func(t *testing.T) error {
			return send(t, made(t, policy.ByDomain{Routes: map[string]transport.Transport{"example.net": stub.New()}}))
		}},
		{"limit/too many recipients", func(t *testing.T) error { return send(t, made(t, policy.Limit{Next: stub.New(), Recipients: 1})) }},
		{"retry/closed", func(t *testing.T) error { return send(t, closed(made(t, policy.Retry{Next: stub.New()}))) }},
		{"wrap/a step adds words", func(t *testing.T) error {
			step := func(ctx context.Context, m transport.Mail, next transport.Transport) (*transport.Result, error) {
				result, err := next.Send(ctx, m)
				if err != nil {
					err = fmt.Errorf("tenant 7: %w", err)
				}
				return result, err
			}
			return send(t, made(t, policy.Retry{Next: made(t, policy.Wrap{Next: lost("a"), Middleware: []policy.Middleware{step}}), MaxAttempts: 1}))
		}},
	}
}

// TestTexts compares everything that is said of a failure, for all phases and ways to fail over SMTP and LMTP, and for
// the other transports and groups, with one file in which all texts can be looked at.
func TestTexts(t *testing.T) {
	cases := slices.Concat(overSMTP(false), overSMTP(true), elsewhere())
	lines := make([]string, len(cases))
	t.Run("all", func(t *testing.T) {
		for i, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				lines[i] = line(c.name, c.send(t))
			})
		}
	})
	got := strings.Join(lines, "\n") + "\n"
	path := filepath.Join("testdata", "texts.golden")
	if *updateTexts {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("texts (-want +got); go test -update-texts writes them:\n%s", diff)
	}
	for _, text := range lines {
		last := text[strings.LastIndex(text, "\n")+1:]
		for _, twice := range []string{"send: ", "smtp: ", "TLS: "} {
			if strings.Count(last, twice) > 1 {
				t.Errorf("%q more than once: %s", twice, last)
			}
		}
	}
}

// TestCombinatorsSayTheSame: through each transport over one other, everything that is said of a failure is what that
// one said.
func TestCombinatorsSayTheSame(t *testing.T) {
	over := map[string]func(transport.Transport) (transport.Transport, error){
		"Failover": func(n transport.Transport) (transport.Transport, error) {
			return policy.Failover{Relays: []transport.Transport{n}}.Build()
		},
		"Balance": func(n transport.Transport) (transport.Transport, error) {
			return policy.Balance{Relays: []transport.Transport{n}}.Build()
		},
		"Retry": func(n transport.Transport) (transport.Transport, error) {
			return policy.Retry{Next: n, MaxAttempts: 1}.Build()
		},
		"Breaker":   func(n transport.Transport) (transport.Transport, error) { return policy.Breaker{Next: n}.Build() },
		"RateLimit": func(n transport.Transport) (transport.Transport, error) { return policy.RateLimit{Next: n}.Build() },
		"ByDomain":  func(n transport.Transport) (transport.Transport, error) { return policy.ByDomain{Default: n}.Build() },
		"Tee": func(n transport.Transport) (transport.Transport, error) {
			return policy.Tee{Next: n, Copy: stub.New()}.Build()
		},
		"Limit": func(n transport.Transport) (transport.Transport, error) { return policy.Limit{Next: n}.Build() },
		"Observe": func(n transport.Transport) (transport.Transport, error) {
			return policy.Observe{Next: n, Observer: &told{}}.Build()
		},
		"Wrap": func(n transport.Transport) (transport.Transport, error) {
			return policy.Wrap{Next: n}.Build()
		},
	}
	for _, phase := range []transport.Phase{
		transport.PhaseDial, transport.PhaseTLS, transport.PhaseGreeting, transport.PhaseHello, transport.PhaseAuth,
		transport.PhaseMail, transport.PhaseRcpt, transport.PhaseData, transport.PhaseBody, transport.PhaseFinal,
	} {
		for way, answer := range map[string]stub.Answer{
			"for now": stub.Reject(phase, 450, "4.3.0 later"), "for good": stub.Reject(phase, 550, "5.1.1 no"), "421": stub.Reject(phase, 421),
			"lost": stub.Fail(phase, io.ErrUnexpectedEOF), "in doubt": stub.LoseReply(), "canceled": stub.Fail(phase, context.Canceled),
		} {
			send := func(s transport.Transport) string {
				_, err := s.Send(t.Context(), mail(t, "b@example.org", "c@example.net"))
				return line("", err)
			}
			want := send(stub.Named("a").Always(answer))
			for name, build := range over {
				s, err := build(stub.Named("a").Always(answer))
				if err != nil {
					t.Fatal(err)
				}
				got := send(s)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s, %s in %s (-want +got):\n%s", name, way, phase, diff)
				}
			}
		}
	}
}
