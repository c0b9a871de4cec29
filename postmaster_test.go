package depeche_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/file"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/stub"
)

// trouble is a report to the postmaster of whatever server takes it, and to one other recipient.
func trouble(t *testing.T) *message.Message {
	t.Helper()
	env, err := envelope.NewWithOptions(envelope.Address{}, []envelope.Recipient{
		{Address: envelope.Postmaster(), Notify: envelope.NotifyNever, OriginalRecipient: envelope.Postmaster()},
		{Address: message.NewMailbox("", "b@example.org").Address, Notify: envelope.NotifyNever},
	}, envelope.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := message.New().From("a@example.org").To("postmaster@example.org").Subject("Trouble").Text("No mail comes.\n").Envelope(env).Build()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestPostmasterOnTheWire: it goes as RCPT TO:<Postmaster> (RFC 5321 section 4.1.1.3), through policies that ask for the
// domain of a recipient, and its outcome is found by the address.
func TestPostmasterOnTheWire(t *testing.T) {
	srv := plainServer(t, nil)
	relay, err := smtp.FromURL(srv.URL()).Build()
	if err != nil {
		t.Fatal(err)
	}
	routes, err := policy.ByDomain{Routes: map[string]transport.Transport{".example.org": stub.New(), "example.net": stub.New()}, Default: relay}.Build()
	if err != nil {
		t.Fatal(err)
	}
	paced, err := policy.Pace{Next: routes}.Build()
	if err != nil {
		t.Fatal(err)
	}
	result, err := paced.Send(t.Context(), trouble(t))
	if err != nil || result.Recipients[0].Address != envelope.Postmaster() || result.Recipients[0].Outcome != transport.Accepted {
		t.Fatal(result, err)
	}
	lines := strings.Join(srv.Sessions()[0].Commands, "\n")
	for _, line := range []string{"RCPT TO:<Postmaster> NOTIFY=NEVER ORCPT=rfc822;Postmaster", "RCPT TO:<b@example.org> NOTIFY=NEVER"} {
		if !strings.Contains(lines, line) {
			t.Errorf("no %s in\n%s", line, lines)
		}
	}
	if got := srv.Messages()[0].Addresses(); got[0] != "Postmaster" || len(srv.Violations()) > 0 {
		t.Error(got, srv.Violations())
	}
}

// TestPostmasterIsKept: files and inboxes give it back.
func TestPostmasterIsKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mail")
	maildir, err := file.Maildir(dir)
	if err != nil {
		t.Fatal(err)
	}
	inbox := mailtest.New()
	mail := trouble(t)
	for _, to := range []transport.Transport{maildir, inbox} {
		if _, err := to.Send(t.Context(), transport.WithEnvelope(mail, plain(t, mail.Envelope()))); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := file.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for m, err := range stored.All() {
		if err != nil || m.Envelope().At(0).Address != envelope.Postmaster() {
			t.Error(m.Envelope(), err)
		}
	}
	if to := mailtest.SentTo("<Postmaster>"); len(inbox.Mails(to)) != 1 {
		t.Errorf("no mail with %s", to)
	}
}

// plain is an envelope without delivery options.
func plain(t *testing.T, env envelope.Envelope) envelope.Envelope {
	t.Helper()
	again, err := envelope.New(env.From(), env.At(0).Address, env.At(1).Address)
	if err != nil {
		t.Fatal(err)
	}
	return again
}
