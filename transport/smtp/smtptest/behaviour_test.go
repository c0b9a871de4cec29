package smtptest_test

import (
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// TestBehaviours talks line by line: what is said, and the code of the answer.
func TestBehaviours(t *testing.T) {
	t.Parallel()
	const (
		from = "MAIL FROM:<a@example.org>"
		to   = "RCPT TO:<b@example.org>"
	)
	type talk [][2]string
	closing := smtptest.Reply("421 4.7.0 enough").Then(smtptest.Close())
	cases := map[string]struct {
		change func(*smtptest.Config)
		talk   talk
	}{
		"greylisting": {
			func(c *smtptest.Config) { c.Hooks = []smtptest.Hook{smtptest.Greylist()} },
			talk{{from, "250"}, {to, "450"}, {"RCPT TO:<c@example.org>", "450"}, {to, "250"}, {"RSET", "250"}, {from, "250"}, {to, "250"}},
		},
		"messages per session": {
			func(c *smtptest.Config) { c.Hooks = []smtptest.Hook{smtptest.MessagesPerSession(1, closing)} },
			talk{{from, "250"}, {"RSET", "250"}, {from, "421"}},
		},
		"error limit": {
			func(c *smtptest.Config) { c.Hooks = []smtptest.Hook{smtptest.ErrorLimit(2, closing)} },
			talk{{"X", "500"}, {"NOOP", "250"}, {to, "503"}, {"Y", "421"}},
		},
		"hooks in order": {
			func(c *smtptest.Config) {
				c.Hooks = []smtptest.Hook{
					smtptest.Script(smtptest.Case{At: smtptest.Noop, Ordinal: 2, Do: smtptest.Reply("451 second")}),
					smtptest.On(smtptest.Noop, smtptest.Reply("252 first")),
				}
			},
			talk{{"NOOP", "252"}, {"NOOP", "451"}, {"NOOP", "252"}},
		},
		"too many recipients": {
			func(c *smtptest.Config) { c.MaxRecipients = 1 },
			talk{{from, "250"}, {to, "250"}, {"RCPT TO:<c@example.org>", "452"}},
		},
		"size declared": {
			func(c *smtptest.Config) { c.MaxSize = 10 },
			talk{{from + " SIZE=11", "552"}, {from + " SIZE=x", "501"}, {from + " SIZE=10", "250"}},
		},
		"size not declared": {
			func(c *smtptest.Config) { c.MaxSize = 10 },
			talk{{from, "250"}, {to, "250"}, {"BDAT 12 LAST\n0123456789", "552"}, {from, "250"}},
		},
		"TLS and AUTH needed": {
			func(c *smtptest.Config) { c.RequireTLS = true },
			talk{{from, "530"}, {"STARTTLS", "502"}},
		},
		"capabilities as they are": {
			func(c *smtptest.Config) { c.Hello.Plain = []string{"x-odd", "Size 5", "", "auth=PLAIN"} },
			talk{{from + " BODY=8BITMIME", "555"}, {from + " SIZE=5", "250"}},
		},
		"HELO offers nothing": {
			nil, talk{{"HELO x", "250"}, {from + " SIZE=5", "555"}, {"BDAT 2 LAST\n", "503"}},
		},
		"a failed transaction is kept": {
			nil, talk{{from, "250"}, {"DATA", "554"}, {from, "503"}, {to, "250"}, {"DATA", "354"}, {".", "250"}, {from, "250"}},
		},
		"a failed chunk needs RSET": {
			nil, talk{{from, "250"}, {"BDAT 2 LAST\n", "503"}, {to, "250"}, {"BDAT 2 LAST\n", "503"}, {"RSET", "250"}, {from, "250"}},
		},
		"a refused chunk needs RSET": {
			nil, talk{{"BDAT 2 LAST\n", "503"}, {from, "503"}, {"RSET", "250"}, {from, "250"}},
		},
		"DATA does not mix with BDAT": {
			nil, talk{{from, "250"}, {to, "250"}, {"BDAT 2\n", "250"}, {to, "503"}, {"DATA", "503"}, {"BDAT 0 LAST", "250"}},
		},
		"BINARYMIME": {
			nil, talk{{from + " BODY=BINARYMIME", "250"}, {to, "250"}, {"DATA", "503"}, {"BDAT 2 LAST\n", "250"}},
		},
		"354 for nobody": {
			func(c *smtptest.Config) {
				c.Hooks = []smtptest.Hook{smtptest.On(smtptest.Data, smtptest.Reply("354 whatever"))}
			},
			talk{{from, "250"}, {"DATA", "354"}, {".", "554"}},
		},
		"250 to DATA reads no content": {
			func(c *smtptest.Config) {
				c.Hooks = []smtptest.Hook{smtptest.On(smtptest.Data, smtptest.Reply("250 ok"))}
			},
			talk{{from, "250"}, {to, "250"}, {"DATA", "250"}, {".", "500"}},
		},
		"addresses": {
			nil, talk{
				{"MAIL FROM:a@example.org", "501"},
				{"MAIL FROM: <a@example.org>", "501"},
				{"MAIL FROM:<a@example.org", "501"},
				{"MAIL FROM:<a b@example.org>", "501"},
				{"MAIL FROM:<@example.org>", "501"},
				{"MAIL FROM:<a@>", "501"},
				{"MAIL FROM:<a@example.org>SIZE=1", "501"},
				{"MAIL FROM:<a@example.org> SIZE=1 SIZE=1", "501"},
				{"MAIL FROM:<ä@example.org>", "553"},
				{"mail from:<ä@example.org> smtputf8", "250"},
				{"RCPT TO:<>", "501"},
				{`rcpt to:<"> \"x"@example.org>`, "250"},
				{"RCPT TO:<@a,@b:c@example.org>", "250"},
				{"RCPT TO:<d@example.org> NOTIFY=NEVER", "250"},
				{"RCPT TO:<d@example.org> X=Y", "555"},
			},
		},
		"other commands": {
			nil, talk{{"VRFY x", "252"}, {"EXPN x", "502"}, {"HELP", "214"}, {"BDAT x", "501"}, {"BDAT 1 FIRST", "501"}, {"EHLO", "501"}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := plaintext(t, tc.change)
			r := dial(t, srv)
			r.want("220")
			r.send("EHLO x\n")
			r.want("250")
			for _, line := range tc.talk {
				r.send(line[0] + "\n")
				line[0] = r.code()
				if line[0] != line[1] {
					t.Fatalf("got %s in\n%s", line[0], srv.Sessions()[0])
				}
			}
		})
	}
}

// code reads a reply.
func (r *raw) code() string {
	r.t.Helper()
	for {
		line, err := r.in.ReadString('\n')
		if err != nil || len(line) < 5 {
			r.t.Fatalf("read %q, %v", line, err)
		}
		if line[3] != '-' {
			return line[:3]
		}
	}
}

func TestGreetingRefused(t *testing.T) {
	t.Parallel()
	srv := plaintext(t, func(c *smtptest.Config) {
		c.Hooks = []smtptest.Hook{smtptest.On(smtptest.Greeting, smtptest.Reply("554 5.3.2 no mail here"))}
	})
	r := dial(t, srv)
	r.want("554")
	r.send("EHLO x\n")
	r.want("503")
	r.send("QUIT\n")
	r.want("221")
	srv.Use() // from now on it is honest
	r = dial(t, srv)
	r.want("220")
}

// TestLinger counts a flight that comes in pieces as one round trip.
func TestLinger(t *testing.T) {
	t.Parallel()
	srv := plaintext(t, func(c *smtptest.Config) { c.Linger = 500 * 1e6 })
	r := dial(t, srv)
	r.want("220")
	r.send("EHLO x\n")
	r.want("250")
	for i, piece := range []string{"MAIL FROM:<a@example.org>\nRC", "PT TO:<b@example.org>\n", "DATA\n"} {
		r.send(piece)
		if err := srv.Wait(t.Context(), func() bool { return len(srv.Sessions()[0].Commands) >= i+2 }); err != nil {
			t.Fatal(err)
		}
	}
	r.want("250", "250", "354")
	if n := srv.Sessions()[0].RoundTrips; n != 2 {
		t.Errorf("%d round trips, want 2", n)
	}
}

// TestDiscardContent keeps the size alone.
func TestDiscardContent(t *testing.T) {
	t.Parallel()
	srv := plaintext(t, func(c *smtptest.Config) { c.DiscardContent = true })
	r := dial(t, srv)
	r.want("220")
	r.send("EHLO x\n")
	r.want("250")
	r.send("MAIL FROM:<>\nRCPT TO:<b@example.org>\nDATA\n")
	r.want("250", "250", "354")
	r.send("..\nsecret\n.\n")
	r.want("250")
	m := srv.Messages()[0]
	if m.Content != nil || m.Wire != nil || m.Size != 11 {
		t.Errorf("%d octets kept of %d", len(m.Content), m.Size)
	}
}
