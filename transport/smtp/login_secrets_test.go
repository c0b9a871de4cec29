package smtp_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// wrongSecrets are what the tests below log in with and must never see again. The password has what
// escaping does something to.
const wrongSecret = `pa"ss/w<o>rd&+%`

// printed collects everything that a program may print.
type printed struct{ strings.Builder }

func (p *printed) add(values ...any) {
	for _, v := range values {
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			fmt.Fprintf(p, format+"\n", v)
		}
		if err, ok := v.(error); ok {
			p.WriteString(err.Error())
		}
		if text, err := json.Marshal(v); err == nil {
			p.Write(text)
		}
		slog.New(slog.NewJSONHandler(p, nil)).Info("x", "value", v)
		slog.New(slog.NewTextHandler(p, nil)).Info("x", "value", v)
	}
}

// leaks are the forms in which a secret could be found in what is printed: as it is, escaped, and the
// parts of base64 that are the same wherever in a line the secret is.
func leaks(secret string) []string {
	quoted := strings.Trim(fmt.Sprintf("%q", secret), `"`)
	inJSON, err := json.Marshal(secret)
	if err != nil {
		panic(err)
	}
	list := []string{
		secret, quoted, strings.Trim(string(inJSON), `"`), url.QueryEscape(secret), url.PathEscape(secret),
		hex.EncodeToString([]byte(secret)),
	}
	for shift := range 3 {
		text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x00", shift) + secret))
		list = append(list, text[4:len(text)-4]) // without the ends, which depend on the neighbours
	}
	return list
}

// said returns what went over the wire of a login in base64: proofs, salts and signatures are enough to
// guess a password at home.
func said(s smtptest.Session) (list []string) {
	known := append(slices.Collect(maps.Keys(everyMechanism(nil))), smtptest.User, "me@example.org") // no secrets
	login := false
	for line := range strings.Lines(s.String()) {
		fields := strings.Fields(line)
		switch {
		case len(fields) > 2 && fields[0] == "C:" && fields[1] == "AUTH":
			login = true
			fields = fields[2:]
		case len(fields) > 1 && fields[0] == "S:" && fields[1] != "334":
			login = false
		}
		if last := fields[len(fields)-1]; login && len(last) >= 8 && !slices.Contains(known, last) {
			list = append(list, last)
		}
	}
	return list
}

// echoes are servers that repeat what they heard, in ways that reach errors and traces.
func echoes() map[string]func(smtptest.Mechanism) smtptest.Mechanism {
	hear := func(x *smtptest.SASL) string {
		response, _, _ := x.Initial()
		if len(response) == 0 {
			response, _ = x.Challenge([]byte("<1@mx>"))
		}
		return string(response)
	}
	encode := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	printable := func(text string) string { return strings.NewReplacer("\x00", " ", "\x01", " ").Replace(text) }
	return map[string]func(smtptest.Mechanism) smtptest.Mechanism{
		"honest": func(m smtptest.Mechanism) smtptest.Mechanism { return m },
		"in the refusal": func(smtptest.Mechanism) smtptest.Mechanism {
			return func(x *smtptest.SASL) (string, error) {
				text := hear(x)
				return "", &smtptest.ReplyError{Reply: "535-5.7.8 you said " + encode(text) + "\r\n535 5.7.8 that is " + printable(text)}
			}
		},
		"in a challenge": func(smtptest.Mechanism) smtptest.Mechanism {
			return func(x *smtptest.SASL) (string, error) {
				text, _ := json.Marshal(map[string]string{"status": "x", "scope": hear(x)})
				_, _ = x.Challenge(text)
				return "", errWrong
			}
		},
		"in a challenge that is not base64": func(smtptest.Mechanism) smtptest.Mechanism {
			return func(x *smtptest.SASL) (string, error) {
				_, _ = x.Say("334 " + printable(hear(x)))
				return "", errWrong // LOGIN ignores what a prompt says
			}
		},
		"in two challenges at once": func(smtptest.Mechanism) smtptest.Mechanism {
			return func(x *smtptest.SASL) (string, error) {
				text := encode("x" + hear(x))
				_, err := x.Say("334 " + text + "\r\n334 " + text)
				return "", err
			}
		},
		"in garbage": func(smtptest.Mechanism) smtptest.Mechanism {
			return func(x *smtptest.SASL) (string, error) {
				text := hear(x)
				return "", &smtptest.ReplyError{Reply: "334-" + encode("x"+text) + "\r\n535 " + printable(text)}
			}
		},
	}
}

// TestSecretsStaySecret logs in by each mechanism, with success, with a wrong secret, and to servers
// that repeat what they hear. Then nothing that a program can print has the secret or the wire's base64
// in it.
func TestSecretsStaySecret(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(everyMechanism(nil))) {
		for how, lie := range echoes() {
			for _, good := range []bool{true, false} {
				if good && how != "honest" {
					continue
				}
				t.Run(fmt.Sprintf("%s %s %v", name, how, good), func(t *testing.T) {
					testSecret(t, name, lie, good)
				})
			}
		}
	}
}

func testSecret(t *testing.T, name string, lie func(smtptest.Mechanism) smtptest.Mechanism, good bool) {
	srv, b := mechanismServer(t, tls.VersionTLS13, name)
	srv.Config.Mechanisms[name] = lie(srv.Config.Mechanisms[name])
	secret := secretOf(name)
	switch {
	case !good && secret == accessToken:
		secret = "ya29.another~token-0123456789"
	case !good:
		secret = wrongSecret
	}
	c := identity(t, name, secret)
	transcript := &client.Transcript{}
	var events []client.Event
	var out printed
	debug := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	traced := client.LogTrace(debug)
	relay := build(t, b.Clone().Credentials(c).Trace(func(e client.Event) {
		transcript.Add(e)
		events = append(events, e)
		traced(e)
	}).Pool(smtp.Pool{MaxOpen: 1}))
	sender, err := policy.Observe{Next: relay, Observer: printing{policy.Log(debug).WithAddresses().WithSubject(), &out}}.Build()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second meets what is remembered of the first
		result, err := sender.Send(t.Context(), mail(t, "b@example.org"))
		if (err == nil) != good && name != "EXTERNAL" && name != "ANONYMOUS" {
			t.Errorf("got %v", err)
		}
		for err != nil {
			out.add(err)
			wrapped, ok := err.(interface{ Unwrap() error })
			if !ok {
				break
			}
			err = wrapped.Unwrap()
		}
		out.add(result)
	}
	resolved, err := c.Resolve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	session := authentication.Session{Offered: []string{name}, TLS: &tls.ConnectionState{Version: tls.VersionTLS12}}
	if mechanisms, err := authentication.Choose(resolved, session); err == nil {
		out.add(mechanisms[0], struct{ hidden any }{mechanisms[0]})
	}
	config := smtp.Config{Host: "mx.example.org", User: smtptest.User, Password: smtp.NewSecret(secret)}
	asURL, err := config.URL()
	if err != nil {
		t.Fatal(err)
	}
	builder := config.Builder()
	again, err := builder.Config()
	if err != nil {
		t.Fatal(err)
	}
	out.add(config, &config, struct{ hidden any }{config}, config.Password, []smtp.Secret{config.Password}, asURL, builder, again)
	out.add(b, c, resolved, relay, relay.Stats(), sender, events, transcript, struct{ hidden any }{c}, client.Config{Credentials: resolved})
	for _, s := range srv.Sessions() {
		for _, line := range said(s) {
			if strings.Contains(out.String(), line) {
				t.Errorf("%q of the wire is printed:\n%s\n%s", line, around(out.String(), line), s)
			}
		}
	}
	for _, leak := range leaks(secret) {
		if strings.Contains(out.String(), leak) {
			t.Errorf("%q is printed: %s", leak, around(out.String(), leak))
		}
	}
	if len(transcript.String()) == 0 || out.Len() < 1000 {
		t.Error("nothing was printed, so nothing was tested")
	}
}

// printing is an observer that prints every decision too.
type printing struct {
	policy.LogObserver

	out *printed
}

func (p printing) Decide(ctx context.Context, d transport.Decision) {
	p.LogObserver.Decide(ctx, d)
	p.out.add(d)
}

// around returns where a text was found.
func around(text, part string) string {
	i := strings.Index(text, part)
	return text[max(0, i-200):min(len(text), i+len(part)+40)]
}

// TestLeaksAreSeen proves that the search above finds what it looks for.
func TestLeaksAreSeen(t *testing.T) {
	for _, text := range []string{
		wrongSecret, fmt.Sprintf("%q", wrongSecret), fmt.Sprintf("%x", "xx"+wrongSecret), url.QueryEscape(wrongSecret),
		base64.StdEncoding.EncodeToString([]byte("\x00user\x00" + wrongSecret)),
		base64.StdEncoding.EncodeToString([]byte(wrongSecret)),
		base64.StdEncoding.EncodeToString([]byte("12" + wrongSecret + "345")),
	} {
		found := slices.ContainsFunc(leaks(wrongSecret), func(leak string) bool { return strings.Contains(text, leak) })
		if !found {
			t.Errorf("%q is not seen", text)
		}
	}
}
