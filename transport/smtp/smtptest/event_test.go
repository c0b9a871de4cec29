package smtptest_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// TestEventTo holds that a hook knows who of a mail was accepted, at its content and its end, and none of the mail before.
func TestEventTo(t *testing.T) {
	t.Parallel()
	var (
		mu  sync.Mutex
		saw []string
	)
	srv := plaintext(t, func(c *smtptest.Config) {
		c.Hooks = []smtptest.Hook{func(e smtptest.Event) smtptest.Action {
			mu.Lock()
			defer mu.Unlock()
			saw = append(saw, e.At+" "+strings.Join(e.To, ","))
			return smtptest.Action{}
		}, smtptest.RefuseRecipients(map[string]string{"c@example.org": "550 5.1.1 no"})}
	})
	r := dial(t, srv)
	r.want("220")
	for _, line := range []string{
		"EHLO me", "MAIL FROM:<x@example.org>", "RCPT TO:<a@example.org>", "RCPT TO:<c@example.org>", "RCPT TO:<b@example.org>", "RSET",
		"MAIL FROM:<x@example.org>", "RCPT TO:<d@example.org>", "DATA", ".", "QUIT",
	} {
		r.send(line + "\n")
		r.code()
	}
	want := []string{
		"(connect) ", "(greeting) ", "EHLO ", "MAIL ", "RCPT ", "RCPT a@example.org", "RCPT a@example.org", "RSET a@example.org,b@example.org",
		"MAIL ", "RCPT ", "DATA d@example.org", "(body) d@example.org", "(end) d@example.org", "QUIT ",
	}
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff(want, saw); diff != "" {
		t.Error(diff)
	}
}
