package newsletter_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/examples/ports/newsletter"
	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// TestNewsletter sends a campaign by a configuration with every option, over two relays of which one has a certificate that
// is not trusted, and looks at what arrived.
func TestNewsletter(t *testing.T) {
	tls := smtptest.NewServer(t)
	plain := smtptest.NewUnstartedServer(t)
	plain.Config.Security, plain.Config.Mechanisms = smtptest.Plaintext, map[string]smtptest.Mechanism{}
	plain.Start()
	text, err := json.Marshal(map[string]any{
		"from": "Shop <news@example.org>", "return_path": "bounce@example.org", "message_id_domain": "news.example.org",
		"headers": map[string]string{"Reply-To": "office@example.org", "X-Campaign": "november"},
		"retries": 2, "retry_delay": "10ms",
		"relays": []map[string]any{
			{
				"host": tls.Host(), "port": tls.Port(), "security": "starttls", "user": smtptest.User, "password": smtptest.Password,
				"dangerous_skip_verify": true, "hello": "shop.example.org", "pool": 2, "idle_timeout": "30s", "timeout": "5s", "max_waiting": 100,
			},
			{"host": plain.Host(), "port": plain.Port(), "security": "dangerous_none"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var c newsletter.Config
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	m, err := newsletter.New(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, srv := range []*smtptest.Server{tls, plain} {
		srv.Use(smtptest.RefuseRecipients(map[string]string{"gone@example.com": "550 5.1.1 no such user"}))
	}
	list := []newsletter.Subscriber{
		{"1", "Hei", "hei@example.com"},
		{"2", "Zoë", "zoe@example.com"},
		{"3", "", "not an address"},
		{"4", "", "gone@example.com"},
	}
	sent, dead := 0, ""
	for report := range m.Send(t.Context(), newsletter.Campaign{
		ID: "november", Subject: "News", HTML: "<p>See <a href='https://example.org/'>us</a></p>",
		Unsubscribe: func(s newsletter.Subscriber) string { return "https://example.org/u?id=" + s.ID },
		Attachments: []message.Part{message.FileBytes("a.txt", []byte("a"))},
	}, list) {
		if report.Sent {
			sent++
		}
		if report.Dead {
			dead += report.Subscriber.Address
		}
		if report.Subscriber.ID == "3" && (report.Err == nil || !strings.Contains(report.Err.Error(), "not an address")) {
			t.Error(report.Err)
		}
	}
	if sent != 2 || dead != "gone@example.com" {
		t.Errorf("%d sent, dead %q", sent, dead)
	}
	if err := m.Close(t.Context()); err != nil {
		t.Error(err)
	}
	all := append(tls.Messages(), plain.Messages()...)
	if len(all) != 2 {
		t.Fatalf("%d mails arrived", len(all))
	}
	for _, mail := range all {
		text := string(mail.Content)
		for _, want := range []string{"Reply-To: office@example.org", "X-Campaign: november", "List-Unsubscribe-Post: ", "@news.example.org>", "See us (https://example.org/)"} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in\n%s", want, text)
			}
		}
		if mail.From.Address != "bounce@example.org" {
			t.Error(mail.From.Address)
		}
	}
	for _, mail := range tls.Messages() {
		if mail.Hello != "shop.example.org" || !mail.TLS || mail.User != smtptest.User {
			t.Errorf("%+v", mail)
		}
	}
}

func TestConfigurationFaults(t *testing.T) {
	var c newsletter.Config
	if err := json.Unmarshal([]byte(`{"relays": [{"host": "", "security": "tls"}, {"host": "a.example", "tls_min": "9"}]}`), &c); err != nil {
		t.Fatal(err)
	}
	_, err := newsletter.New(c)
	if err == nil || !strings.Contains(err.Error(), "9") || len(message.Faults(err)) < 2 {
		t.Errorf("%v", err)
	}
}
