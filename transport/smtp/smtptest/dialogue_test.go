package smtptest_test

import (
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

func TestDialogue(t *testing.T) {
	t.Parallel()
	const dialogue = `
# a greeting in two pieces of one line
S~ 220-old\n22
S: 0 mx
C? EHLO
S: 250 STARTTLS
C: STARTTLS
S: 220 go
* tls
C: NOOP
S: 250 ok
* close
`
	cases := map[string]struct {
		last string
		want []string
	}{
		"followed": {"NOOP\n", nil},
		"another":  {"RSET\n", []string{`session 1: dialogue: line 10: want C: NOOP, got "RSET\r\n", <nil>`}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := smtptest.NewUnstartedServer(t)
			srv.Config.Dialogue = dialogue
			srv.Start()
			r := dial(t, srv)
			r.want("220")
			r.send("EHLO me\n")
			r.want("250")
			r.startTLS(srv)
			r.send(tc.last)
			if tc.want == nil {
				r.want("250")
			}
			_ = r.conn.Close()
			sessions, err := srv.WaitIdle(t.Context(), 1)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, v := range srv.Violations() {
				got = append(got, v.String())
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
			if tc.want == nil && (sessions[0].RoundTrips != 3 || sessions[0].Count("STARTTLS") != 1) {
				t.Errorf("%d round trips:\n%s", sessions[0].RoundTrips, sessions[0])
			}
		})
	}
}

func TestDialogueBehindTheEnd(t *testing.T) {
	t.Parallel()
	srv := plaintext(t, func(c *smtptest.Config) { c.Dialogue = "S: 220 mx\nC: QUIT\nS: 221 bye" })
	r := dial(t, srv)
	r.want("220")
	r.send("QUIT\nNOOP\n")
	r.want("221")
	_ = r.conn.Close()
	if _, err := srv.WaitIdle(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if v := srv.Violations(); len(v) != 1 || v[0].Rule != smtptest.DialogueRule || !strings.Contains(v[0].Text, "NOOP") {
		t.Error(v)
	}
}

func TestMalformedDialogue(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"X: y", "* dance", `S~ \q`, "hello"} {
		if srv, err := smtptest.Start(smtptest.Config{Dialogue: text}); err == nil {
			srv.Close()
			t.Errorf("%q was taken", text)
		}
	}
}
