package smtp_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// parrot is a server that repeats in every reply all that it heard in logins, on this connection and those before.
type parrot struct {
	mu    sync.Mutex
	heard []string
}

func (p *parrot) hear(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard = append(p.heard, text)
}

func (p *parrot) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard = nil
}

func (p *parrot) hook(e smtptest.Event) smtptest.Action {
	p.mu.Lock()
	defer p.mu.Unlock()
	said := strings.Join(p.heard, " ")
	switch {
	case e.Reply == "" || len(p.heard) == 0 || e.At == smtptest.Challenge || e.At == smtptest.StartTLS || strings.HasPrefix(e.Reply, "3"):
		return smtptest.Action{}
	case e.At == smtptest.Ehlo:
		return smtptest.Reply("250-mx greets " + said + "\r\n250-X-PARROT " + said + "\r\n" + strings.TrimRight(e.Reply, "\r\n"))
	case e.At == smtptest.End:
		return smtptest.Reply("250-2.0.0 " + said + "\r\n250 2.0.0 Ok: queued as " + p.heard[0])
	}
	code, _, _ := strings.Cut(e.Reply, " ")
	return smtptest.Reply(code[:3] + "-" + said + "\r\n" + code[:3] + " " + said)
}

// oneShot is a mechanism of a caller's own: the user and a secret in one answer.
type oneShot struct{ user, secret string }

func (oneShot) Name() string                { return "X-ONE-SHOT" }
func (oneShot) Plaintext() bool             { return true }
func (oneShot) Done() bool                  { return true }
func (m oneShot) Start() ([]byte, error)    { return []byte("v1\x00" + m.user + "\x00" + m.secret), nil }
func (oneShot) Next([]byte) ([]byte, error) { return nil, nil }

// TestEchoOnAnyConnection: what was said in a login is masked in every reply of every connection of the transport: in
// those that report success, queue IDs, the greeting and the offer of the next connection, and as replies show it.
func TestEchoOnAnyConnection(t *testing.T) {
	const latin = "p\xe4ssw\xf6rt-l\x07ng\xff1"
	for name, tc := range map[string]struct {
		mechanism, secret string
		credentials       func(secret string) (authentication.Credentials, error)
	}{
		"password": {"PLAIN", wrongSecret, func(s string) (authentication.Credentials, error) {
			return authentication.Password("jane@example.org", s)
		}},
		"short password": {"LOGIN", "s3cr3t", func(s string) (authentication.Credentials, error) {
			return authentication.Password("jane@example.org", s)
		}},
		"octets shown as others": {"PLAIN", latin, func(s string) (authentication.Credentials, error) {
			return authentication.Password("jane@example.org", s)
		}},
		"from a source": {"PLAIN", wrongSecret, func(s string) (authentication.Credentials, error) {
			return authentication.PasswordFrom("jane@example.org", func(context.Context) (string, error) { return s, nil })
		}},
		"token":                 {"XOAUTH2", accessToken, func(s string) (authentication.Credentials, error) { return authentication.Token("jane@example.org", s) }},
		"the user is the token": {"PLAIN", "b7c1d2e3-4f56-4789", func(s string) (authentication.Credentials, error) { return authentication.Password(s, s) }},
		"the user holds it":     {"PLAIN", "b7c1d2e3-4f56-4789", func(s string) (authentication.Credentials, error) { return authentication.Password("key-"+s, s) }},
		"custom": {"X-ONE-SHOT", wrongSecret, func(s string) (authentication.Credentials, error) {
			return authentication.Custom("jane@example.org", func(authentication.Session) authentication.Mechanism { return oneShot{"jane@example.org", s} })
		}},
		"custom, the user is the token": {"X-ONE-SHOT", wrongSecret, func(s string) (authentication.Credentials, error) {
			return authentication.Custom(s, func(authentication.Session) authentication.Mechanism { return oneShot{s, s} })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := tc.credentials(tc.secret)
			if err != nil {
				t.Fatal(err)
			}
			bird := &parrot{}
			srv := smtptest.NewUnstartedServer(t)
			srv.Config.Mechanisms = map[string]smtptest.Mechanism{tc.mechanism: func(x *smtptest.SASL) (string, error) {
				answer, _, _ := x.Initial()
				for i := 0; i < 2 && (len(answer) == 0 || tc.mechanism == "LOGIN"); i++ {
					answer, _ = x.Challenge([]byte("?"))
				}
				line := base64.StdEncoding.EncodeToString(answer)
				bird.hear(tc.secret + " " + line + " " + base64.StdEncoding.EncodeToString([]byte("x"+tc.secret+"yz")) + " x" + line[4:])
				return smtptest.User, nil
			}}
			srv.Config.Hooks = []smtptest.Hook{bird.hook}
			srv.Start()
			var out printed
			transcript := &client.Transcript{}
			sender := build(t, relay(srv).Credentials(c).Pool(smtp.Pool{MaxOpen: 1, MaxMessages: 1}).Trace(transcript.Add))
			for range 3 {
				result, err := sender.Send(t.Context(), mail(t, "b@example.org"))
				if err != nil {
					t.Fatal(err)
				}
				if result.QueueID != "***" {
					t.Errorf("queue ID %q", result.QueueID)
				}
				out.add(result)
			}
			if err := sender.Shutdown(t.Context()); err != nil { // fmt reads fields without their locks
				t.Error(err)
			}
			out.add(sender, transcript, transcript.Events())
			if c.User() != tc.secret || tc.mechanism != "X-ONE-SHOT" { // of a mechanism of the caller's own the secret is not known
				out.add(c)
			}
			if strings.Count(transcript.String(), "queued as ***") != 3 || !strings.Contains(transcript.String(), "220 ***") {
				t.Errorf("nothing was echoed:\n%s", transcript)
			}
			for _, leak := range append(leaks(tc.secret), strings.ToValidUTF8(strings.ReplaceAll(tc.secret, "\x07", "?"), "?")) {
				if len(leak) >= min(8, len(tc.secret)) && strings.Contains(out.String(), leak) {
					t.Errorf("%q is printed: %s", leak, around(out.String(), leak))
				}
			}
		})
	}
}

// TestMaskKeepsOffer: a password that is a word of the protocol takes no extension and no mechanism away.
func TestMaskKeepsOffer(t *testing.T) {
	for _, password := range []string{"PIPELINING", "AUTH", "PLAIN", "8BITMIME", "SIZE", "E", "PIPELINING 8BITMIME"} {
		srv := smtptest.NewUnstartedServer(t)
		srv.Config.Users = map[string]string{smtptest.User: password}
		srv.Config.Mechanisms = map[string]smtptest.Mechanism{"PLAIN": smtptest.Plain}
		srv.Start()
		config, err := relay(srv).Login(smtptest.User, password).ClientConfig()
		if err != nil {
			t.Fatal(err)
		}
		conn, err := client.Dial(t.Context(), config)
		if err != nil {
			t.Errorf("%q: %v", password, err)
			continue
		}
		for _, k := range []string{"PIPELINING", "8BITMIME", "SIZE", "AUTH PLAIN"} {
			if !strings.Contains(conn.Info().String(), k) {
				t.Errorf("%q: %s is not in %s", password, k, conn.Info())
			}
		}
		if err := conn.Quit(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// TestUserThatIsTheSecret: a user that is or holds the secret is not printed.
func TestUserThatIsTheSecret(t *testing.T) {
	const token = "b7c1d2e3-4f56-4789-9abc-def012345678"
	for _, user := range []string{token, "key-" + token + "-x"} {
		c, err := authentication.Password(user, token)
		if err != nil {
			t.Fatal(err)
		}
		b := smtp.Relay("smtp.example.org").Credentials(c)
		u, err := smtp.ParseURL("smtps://" + user + ":" + token + "@smtp.example.org")
		if err != nil {
			t.Fatal(err)
		}
		_, half := smtp.FromURL("smtps://" + user + ":" + token + "@smtp.example.org?password_file=/x").Build()
		_, bad := smtp.Relay("smtp.example.org").Login(user+"\x00", token).Build()
		var out printed
		out.add(c, b, u, half, bad, build(t, b.Clone()), struct{ hidden any }{u})
		if strings.Contains(out.String(), token[:8]) || half == nil || bad == nil {
			t.Errorf("%v, %v: %s", half, bad, around(out.String(), token[:8]))
		}
		if want := "smtps://***:***@smtp.example.org"; u.String() != want || !strings.Contains(u.Reveal(), token) {
			t.Errorf("%s, want %s", u, want)
		}
		if text, err := json.Marshal(c); err != nil || string(text) != `"***:***"` {
			t.Errorf("%s %v", text, err)
		}
	}
	c, err := authentication.Password("jane-short", "short")
	if err != nil || fmt.Sprint(c) != "jane-short:***" {
		t.Errorf("%v %v", c, err)
	}
}
