package smtptest_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"
)

// TestLMTP lets another implementation of a client deliver to three recipients with three fates.
func TestLMTP(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			srv := plaintext(t, func(c *smtptest.Config) {
				c.Network, c.Protocol = network, smtptest.LMTP
				c.Hooks = []smtptest.Hook{
					smtptest.RefuseRecipients(map[string]string{"nobody@example.org": "550 5.1.1 who?"}),
					smtptest.Script(smtptest.Case{
						At: smtptest.End, Recipient: "full@example.org", Do: smtptest.Reply("452 4.2.2 mailbox full"),
					}),
				}
			})
			client := smtp.NewClientLMTP(dial(t, srv).conn)
			got := map[string]string{}
			if err := client.Mail("a@example.org", nil); err != nil {
				t.Fatal(err)
			}
			for _, to := range []string{"one@example.org", "full@example.org", "nobody@example.org"} {
				if err := client.Rcpt(to, nil); err != nil {
					got[to] = err.Error()
				}
			}
			w, err := client.Data()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write([]byte("x\r\n")); err != nil {
				t.Fatal(err)
			}
			taken, err := w.CloseWithLMTPResponse()
			for to := range taken {
				got[to] = "taken"
			}
			refused, _ := errors.AsType[smtp.LMTPDataError](err)
			for to, err := range refused {
				got[to] = err.Error()
			}
			want := map[string]string{
				"nobody@example.org": "SMTP error 550: who?",
				"one@example.org":    "taken",
				"full@example.org":   "SMTP error 452: mailbox full",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("fates (-want +got):\n%s", diff)
			}
			m := srv.Messages()
			if len(m) != 1 || strings.Join(m[0].Addresses(), " ") != "one@example.org" || !m[0].ReplyWritten {
				t.Errorf("messages %+v", m)
			}
			if m[0].Recipients[1].Reply != "452 4.2.2 mailbox full" || m[0].Recipients[1].Stored {
				t.Errorf("recipient %+v", m[0].Recipients[1])
			}
		})
	}
}

// TestLMTPCutBetweenReplies stores for the recipient whose reply got lost as well.
func TestLMTPCutBetweenReplies(t *testing.T) {
	t.Parallel()
	srv := plaintext(t, func(c *smtptest.Config) {
		c.Protocol = smtptest.LMTP
		c.Hooks = []smtptest.Hook{smtptest.Script(smtptest.Case{
			At: smtptest.End, Ordinal: 2, Do: smtptest.Accept().Then(smtptest.Close()),
		})}
	})
	r := dial(t, srv)
	r.want("220")
	r.send("EHLO x\n")
	r.want("500")
	r.send("LHLO x\n")
	r.want("250")
	r.send("MAIL FROM:<>\nRCPT TO:<a@x>\nRCPT TO:<b@x>\nRCPT TO:<c@x>\nBDAT 2 LAST\n\n")
	r.want("250", "250", "250", "250", "250")
	if _, err := srv.WaitIdle(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	type fate struct {
		Address         string
		Stored, Written bool
	}
	var got []fate
	m := srv.Messages()[0]
	for _, r := range m.Recipients {
		got = append(got, fate{r.Address, r.Stored, r.ReplyWritten})
	}
	want := []fate{{"a@x", true, true}, {"b@x", true, false}, {"c@x", false, false}}
	if diff := cmp.Diff(want, got); diff != "" || m.ReplyWritten {
		t.Errorf("fates (-want +got):\n%s", diff)
	}
}
