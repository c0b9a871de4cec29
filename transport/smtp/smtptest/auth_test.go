package smtptest_test

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
	"github.com/xdg-go/scram"
)

func encode(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// challenge reads one.
func (r *raw) challenge() string {
	r.t.Helper()
	line, err := r.in.ReadString('\n')
	if err != nil {
		r.t.Fatal(err)
	}
	if len(line) < 6 || line[:4] != "334 " {
		r.t.Fatalf("got %q, want a challenge", line)
	}
	text, err := base64.StdEncoding.DecodeString(line[4 : len(line)-2])
	if err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}

func TestAuthReplies(t *testing.T) {
	t.Parallel()
	const good = "\x00" + smtptest.User + "\x00" + smtptest.Password
	cases := map[string]struct {
		say  []string // each followed by a reply
		want []string
	}{
		"initial response":   {[]string{"AUTH PLAIN " + encode(good)}, []string{"235"}},
		"no initial one":     {[]string{"auth plain", encode(good)}, []string{"334", "235"}},
		"wrong password":     {[]string{"AUTH PLAIN " + encode(good+"x")}, []string{"535"}},
		"not base64":         {[]string{"AUTH PLAIN !"}, []string{"501"}},
		"empty":              {[]string{"AUTH PLAIN ="}, []string{"501"}},
		"cancelled":          {[]string{"AUTH LOGIN", "*"}, []string{"334", "501"}},
		"unknown":            {[]string{"AUTH NTLM"}, []string{"504"}},
		"twice":              {[]string{"AUTH PLAIN " + encode(good), "AUTH PLAIN"}, []string{"235", "503"}},
		"needed":             {[]string{"MAIL FROM:<>"}, []string{"530"}},
		"XOAUTH2":            {[]string{"AUTH XOAUTH2 " + encode("user="+smtptest.User+"\x01auth=Bearer "+smtptest.Password+"\x01\x01")}, []string{"235"}},
		"XOAUTH2 refused":    {[]string{"AUTH XOAUTH2 " + encode("user=x\x01auth=Bearer y\x01\x01"), ""}, []string{"334", "535"}},
		"OAUTHBEARER":        {[]string{"AUTH OAUTHBEARER " + encode("n,a="+smtptest.User+",\x01auth=Bearer "+smtptest.Password+"\x01\x01")}, []string{"235"}},
		"OAUTHBEARER cancel": {[]string{"AUTH OAUTHBEARER " + encode("n,a=x,\x01auth=Bearer y\x01\x01"), "*"}, []string{"334", "501"}},
		"the client gives up, and the mechanism sees it": {[]string{"AUTH MORE", "*"}, []string{"334", "432"}},
		"a liar asks again": {
			[]string{"AUTH MORE " + encode(good), encode(good), encode(good)}, []string{"334", "334", "250"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := plaintext(t, func(c *smtptest.Config) {
				c.RequireAuth = true
				c.Mechanisms = smtptest.DefaultMechanisms()
				c.Mechanisms["XOAUTH2"], c.Mechanisms["OAUTHBEARER"] = smtptest.XOAuth2, smtptest.OAuthBearer
				c.Mechanisms["MORE"] = func(x *smtptest.SASL) (string, error) {
					for range 2 {
						if _, err := x.Challenge([]byte("more")); errors.Is(err, smtptest.ErrCancelled) {
							return "", &smtptest.ReplyError{Reply: "432 4.7.12 given up"}
						} else if err != nil {
							return "", err
						}
					}
					return "", &smtptest.ReplyError{Reply: "250 not 235"}
				}
			})
			r := dial(t, srv)
			r.want("220")
			r.send("EHLO x\n")
			r.want("250")
			for i, line := range tc.say {
				r.send(line + "\n")
				r.want(tc.want[i])
			}
		})
	}
}

// TestScram compares the honest server with the client of another library, and sees its lies leave.
func TestScram(t *testing.T) {
	t.Parallel()
	for name, lie := range map[string]smtptest.Scram{
		"honest": {}, "many rounds": {Iterations: 10_000}, "no signature": {Final: "-"}, "wrong signature": {Final: "v=AAAA"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := plaintext(t, func(c *smtptest.Config) {
				c.Mechanisms = map[string]smtptest.Mechanism{"SCRAM-SHA-256": lie.Run}
			})
			client, err := scram.SHA256.NewClient(smtptest.User, smtptest.Password, "")
			if err != nil {
				t.Fatal(err)
			}
			talk := client.NewConversation()
			step := func(challenge string) string {
				text, err := talk.Step(challenge)
				if err != nil {
					t.Fatal(err)
				}
				return text
			}
			r := dial(t, srv)
			r.want("220")
			r.send("EHLO x\n")
			r.want("250")
			r.send("AUTH SCRAM-SHA-256 " + encode(step("")) + "\n")
			r.send(encode(step(r.challenge())) + "\n")
			if lie.Final != "-" {
				final := r.challenge()
				if _, err := talk.Step(final); (err == nil) != (lie.Final == "") || lie.Final != "" && final != lie.Final {
					t.Errorf("final %q: %v", final, err)
				}
				r.send("\n")
			}
			r.want("235")
			if talk.Valid() != (lie.Final == "") {
				t.Errorf("valid: %v", talk.Valid())
			}
			if diff := cmp.Diff(smtptest.User, srv.Sessions()[0].User); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestScramRefusesAWrongPassword(t *testing.T) {
	t.Parallel()
	srv := plaintext(t, func(c *smtptest.Config) {
		c.Mechanisms = map[string]smtptest.Mechanism{"SCRAM-SHA-256": smtptest.ScramSHA256}
	})
	client, err := scram.SHA256.NewClient(smtptest.User, "wrong", "")
	if err != nil {
		t.Fatal(err)
	}
	talk := client.NewConversation()
	first, _ := talk.Step("")
	r := dial(t, srv)
	r.want("220")
	r.send("EHLO x\n")
	r.want("250")
	r.send("AUTH SCRAM-SHA-256 " + encode(first) + "\n")
	proof, err := talk.Step(r.challenge())
	if err != nil {
		t.Fatal(err)
	}
	r.send(encode(proof) + "\n")
	if text := r.challenge(); text != "e=invalid-proof" {
		t.Error(text)
	}
	r.send("\n")
	r.want("535")
}

func TestScramPlus(t *testing.T) {
	t.Parallel()
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Mechanisms = map[string]smtptest.Mechanism{"SCRAM-SHA-256-PLUS": smtptest.ScramSHA256Plus}
	srv.StartImplicitTLS()
	for name, want := range map[string]string{"own channel": "235", "foreign channel": "535"} {
		conn, err := tls.Dial("tcp", srv.Addr(), srv.ClientTLS())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		state := conn.ConnectionState()
		binding, err := scram.NewTLSExporterBinding(&state)
		if err != nil {
			t.Fatal(err)
		}
		if want == "535" {
			binding.Data[0] ^= 1
		}
		client, err := scram.SHA256.NewClient(smtptest.User, smtptest.Password, "")
		if err != nil {
			t.Fatal(err)
		}
		talk := client.NewConversationWithChannelBinding(binding)
		first, err := talk.Step("")
		if err != nil {
			t.Fatal(err)
		}
		r := &raw{t: t, conn: conn, in: bufio.NewReader(conn)}
		r.want("220")
		r.send("EHLO x\n")
		r.want("250")
		r.send("AUTH SCRAM-SHA-256-PLUS " + encode(first) + "\n")
		proof, err := talk.Step(r.challenge())
		if err != nil {
			t.Fatal(err)
		}
		r.send(encode(proof) + "\n")
		if want == "235" {
			if _, err := talk.Step(r.challenge()); err != nil {
				t.Error(name, err)
			}
			r.send("\n")
		}
		r.want(want)
	}
}
