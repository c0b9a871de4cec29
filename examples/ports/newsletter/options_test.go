package newsletter_test

import (
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/depeche-mail/depeche/examples/ports/newsletter"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// TestOptions holds what each option of the configuration changes, seen from the relay.
func TestOptions(t *testing.T) {
	const subscribers = 12
	plain := func(c *smtptest.Config) {
		c.Security, c.Mechanisms = smtptest.Plaintext, map[string]smtptest.Mechanism{}
	}
	implicit := func(c *smtptest.Config) { c.Security = smtptest.ImplicitTLS }
	later := func(attempts int64) func(*smtptest.Config) { // the first subscriber is refused for now, so often
		return func(c *smtptest.Config) {
			plain(c)
			var asked atomic.Int64
			c.Hooks = []smtptest.Hook{func(e smtptest.Event) smtptest.Action {
				if e.At == smtptest.Rcpt && e.Recipient == "r0@example.com" && asked.Add(1) <= attempts {
					return smtptest.Reply("450 4.2.0 later")
				}
				return smtptest.Action{}
			}}
		}
	}
	for name, c := range map[string]struct {
		server      func(*smtptest.Config)
		relay, rest string // of the configuration
		sent        int
		is          func(smtptest.Message) bool
		connections int // at most; 0 is any number
	}{
		"tls":            {implicit, `"security": "tls", "dangerous_skip_verify": true`, ``, subscribers, func(m smtptest.Message) bool { return m.TLS }, 0},
		"starttls":       {nil, `"security": "starttls", "dangerous_skip_verify": true`, ``, subscribers, func(m smtptest.Message) bool { return m.TLS }, 0},
		"not trusted":    {nil, `"security": "starttls"`, ``, 0, nil, 0},
		"opportunistic":  {plain, `"security": "dangerous_opportunistic"`, ``, subscribers, func(m smtptest.Message) bool { return !m.TLS }, 0},
		"none":           {plain, `"security": "dangerous_none"`, ``, subscribers, func(m smtptest.Message) bool { return !m.TLS }, 0},
		"hello":          {plain, `"security": "dangerous_none", "hello": "shop.example.org"`, ``, subscribers, func(m smtptest.Message) bool { return m.Hello == "shop.example.org" }, 0},
		"one connection": {plain, `"security": "dangerous_none", "pool": 1`, ``, subscribers, nil, 1},
		"one attempt":    {later(1), `"security": "dangerous_none", "pool": 1`, `, "retries": 1`, subscribers - 1, nil, 1},
		"two attempts":   {later(1), `"security": "dangerous_none", "pool": 1`, `, "retries": 2, "retry_delay": "1ms"`, subscribers, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			if c.server != nil {
				c.server(&srv.Config)
			}
			srv.Start()
			text := fmt.Sprintf(`{"from": "news@example.org", "relays": [{"host": %q, "port": %d, %s}]%s}`, srv.Host(), srv.Port(), c.relay, c.rest)
			var config newsletter.Config
			if err := json.Unmarshal([]byte(text), &config); err != nil {
				t.Fatal(err)
			}
			m, err := newsletter.New(config)
			if err != nil {
				t.Fatal(err)
			}
			var list []newsletter.Subscriber
			for i := range subscribers {
				list = append(list, newsletter.Subscriber{ID: fmt.Sprint(i), Address: fmt.Sprintf("r%d@example.com", i)})
			}
			sent := 0
			for report := range m.Send(t.Context(), newsletter.Campaign{
				ID: "november", Subject: "News", HTML: "<p>News</p>",
				Unsubscribe: func(s newsletter.Subscriber) string { return "https://example.org/u?id=" + s.ID },
			}, list) {
				if report.Sent {
					sent++
				}
			}
			if err := m.Close(t.Context()); err != nil {
				t.Error(err)
			}
			if sent != c.sent || c.connections > 0 && len(srv.Sessions()) > c.connections {
				t.Errorf("%d sent, want %d, over %d connections", sent, c.sent, len(srv.Sessions()))
			}
			for _, mail := range srv.Messages() {
				if c.is != nil && !c.is(mail) {
					t.Errorf("%+v", mail)
				}
			}
		})
	}
}
