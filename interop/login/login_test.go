package login_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/interop/rig"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/client"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }

// peer is a real server with a login.
type peer struct {
	name, server, address string
	mechanisms            []string
	users                 int    // how many of the rig's two users it knows
	token                 string // the setting with its token
	implicit              bool
}

func peers() []peer {
	dovecot := []string{"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "OAUTHBEARER", "XOAUTH2"}
	return []peer{
		{"Dovecot behind Postfix", "postfix", "POSTFIX_SUBMISSION_ADDR", dovecot, 2, "RIG_TOKEN", false},
		{"Dovecot behind Postfix, TLS from the start", "postfix", "POSTFIX_SMTPS_ADDR", dovecot, 2, "RIG_TOKEN", true},
		{"Exim and Dovecot", "exim", "EXIM_SMTPS_ADDR", dovecot, 1, "RIG_TOKEN", true},
		{"go-smtp and go-sasl", "gosmtp", "GOSMTP_SMTP_ADDR", []string{"PLAIN", "LOGIN", "OAUTHBEARER"}, 1, "GOSMTP_TOKEN", false},
		{"smtp-server", "nodesmtp", "NODESMTP_SMTP_ADDR", []string{"PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"}, 1, "NODESMTP_TOKEN", false},
		{"aiosmtpd", "aiosmtpd", "AIOSMTPD_SMTP_ADDR", []string{"PLAIN", "LOGIN"}, 1, "", false},
	}
}

// attempt is one login.
type attempt struct {
	name, user, secret string
	good               bool
}

func (p peer) attempts(t *testing.T, r *rig.Rig, mechanism string) []attempt {
	t.Helper()
	user := r.Get(t, "RIG_USER")
	if mechanism == "OAUTHBEARER" || mechanism == "XOAUTH2" {
		list := []attempt{
			{"token", user, r.Get(t, p.token), true},
			{"no token", user, "abc.def.ghi", false},
		}
		if p.token == "RIG_TOKEN" {
			list = append(list, attempt{"expired token", user, r.Get(t, "RIG_TOKEN_EXPIRED"), false})
		}
		return list
	}
	list := []attempt{
		{"ASCII", user, r.Get(t, "RIG_PASS"), true},
		{"wrong password", user, "looking-glass", false},
		{"unknown user", "nobody@rig.test", r.Get(t, "RIG_PASS"), false},
	}
	if p.users > 1 {
		list = append(list, attempt{"blanks, quotes and UTF-8", r.Get(t, "RIG_USER2"), r.Get(t, "RIG_PASS2"), true})
	}
	return list
}

func (p peer) builder(t *testing.T, r *rig.Rig) smtp.Builder {
	t.Helper()
	host, port := r.HostPort(t, p.address)
	b := smtp.StartTLSRelay(host)
	if p.implicit {
		b = smtp.Relay(host)
	}
	return b.Port(port).TLSConfig(r.TLS(t))
}

// TestEveryMechanism logs in by each mechanism of each server, with right and wrong secrets. A wrong one
// is sent once; no secret is in the transcript or the error.
func TestEveryMechanism(t *testing.T) {
	for _, p := range peers() {
		t.Run(p.name, func(t *testing.T) {
			r := rig.Start(t, p.server)
			for _, mechanism := range p.mechanisms {
				for _, a := range p.attempts(t, r, mechanism) {
					t.Run(mechanism+" "+a.name, func(t *testing.T) { p.try(t, r, mechanism, a) })
				}
			}
		})
	}
}

func (p peer) try(t *testing.T, r *rig.Rig, mechanism string, a attempt) {
	t.Helper()
	transcript := &client.Transcript{}
	sender, err := p.builder(t, r).Credentials(credentials(t, mechanism, a)).Trace(transcript.Add).Build()
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close()
	result, err := sender.Send(t.Context(), mail(t))
	said := transcript.String()
	if !strings.Contains(said, "AUTH "+mechanism) || strings.Count(said, "C: AUTH ") != 1 {
		t.Errorf("not by %s, or more than once:\n%s", mechanism, said)
	}
	for _, leak := range []string{a.secret, base64.StdEncoding.EncodeToString([]byte(a.secret))} {
		if strings.Contains(said+fmt.Sprintf("%+v", err), leak) {
			t.Errorf("%q is in the transcript or the error", leak)
		}
	}
	if a.good {
		if err != nil {
			t.Errorf("%v\n%s", err, said)
		}
		return
	}
	want := authentication.KindRejected
	if p.server == "gosmtp" && mechanism == "OAUTHBEARER" {
		want = authentication.KindUnavailable // it says 454
	}
	why, ok := errors.AsType[*authentication.Error](err)
	if !ok || why.Kind != want || result.Recipients[0].Outcome != transport.NotSent {
		t.Errorf("%v, %+v\n%s", err, result.Recipients, said)
	}
	if strings.Contains(said, "MAIL") {
		t.Errorf("mail without a login:\n%s", said)
	}
	if bearer, ok := errors.AsType[*authentication.BearerError](err); ok {
		t.Logf("the server says %+v", *bearer)
	} else if mechanism == "OAUTHBEARER" || mechanism == "XOAUTH2" {
		t.Errorf("what the server says of the token is not in %v\n%s", err, said)
	}
	if want != authentication.KindRejected {
		return
	}
	_, err = sender.Send(t.Context(), mail(t)) // another connection must not try again
	if why, ok := errors.AsType[*authentication.Error](err); !ok || why.Until.IsZero() || strings.Count(transcript.String(), "C: AUTH ") != 1 {
		t.Errorf("tried again: %v", err)
	}
}

func credentials(t *testing.T, mechanism string, a attempt) authentication.Credentials {
	t.Helper()
	source := func(context.Context) (string, error) { return a.secret, nil }
	from := authentication.PasswordFrom
	if mechanism == "OAUTHBEARER" || mechanism == "XOAUTH2" {
		from = authentication.TokenFrom
	}
	c, err := from(a.user, source)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = c.WithMechanisms(mechanism); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestStrongest holds which mechanism each server is asked for when all are allowed.
func TestStrongest(t *testing.T) {
	for server, want := range map[string]string{
		"postfix": "SCRAM-SHA-256", "exim": "SCRAM-SHA-256", "gosmtp": "PLAIN", "nodesmtp": "CRAM-MD5", "aiosmtpd": "PLAIN",
	} {
		t.Run(server, func(t *testing.T) {
			r := rig.Start(t, server)
			for _, p := range peers() {
				if p.server != server {
					continue
				}
				transcript := &client.Transcript{}
				sender, err := p.builder(t, r).Login(r.Get(t, "RIG_USER"), r.Get(t, "RIG_PASS")).Trace(transcript.Add).Build()
				if err != nil {
					t.Fatal(err)
				}
				_, err = sender.Send(t.Context(), mail(t))
				_ = sender.Close()
				if said := transcript.String(); err != nil || !strings.Contains(said, "C: AUTH "+want) {
					t.Errorf("%s: %v, want %s\n%s", p.name, err, want, said)
				}
			}
		})
	}
}

func mail(t *testing.T) transport.Mail {
	t.Helper()
	var list [2]envelope.Address
	for i, text := range []string{"alice@rig.test", "discard@rig.test"} {
		a, err := envelope.ParseAddress(text)
		if err != nil {
			t.Fatal(err)
		}
		list[i] = a
	}
	env, err := envelope.New(list[0], list[1])
	if err != nil {
		t.Fatal(err)
	}
	return transport.Raw(env, []byte("From: alice@rig.test\r\nSubject: login\r\nMessage-ID: <l@rig.test>\r\n\r\nhello\r\n"))
}
