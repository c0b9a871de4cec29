package smtp_test

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// TestNewsletter is a day of a newsletter and of single mails after it, over a relay of each dialect with its limits, in
// fake time: every mail ends, none arrives twice, and none is given up for a reason that is about the account or the rate.
func TestNewsletter(t *testing.T) {
	days := map[string]struct {
		provider string
		limits   func(*smtptest.Config)
		pace     policy.Pace
	}{
		"postfix": {"", func(c *smtptest.Config) {
			c.Throttle.Rate, c.IdleTimeout, c.Errors, c.MaxConnections = smtptest.Rate{Count: 10}, 5*time.Minute, smtptest.PostfixErrors(), 2
		}, policy.Pace{}},
		"gmail": {"google-workspace", func(c *smtptest.Config) {
			c.Throttle.PerDay, c.IdleTimeout = 1000, time.Minute
		}, policy.Pace{MaxWait: 72 * time.Hour}},
		"ses": {"ses-eu-west-1", func(c *smtptest.Config) {
			c.Throttle.Rate, c.Throttle.PerDay, c.IdleTimeout, c.MaxConnections = smtptest.Rate{Count: 14}, 1000, 10*time.Second, 20
		}, policy.Pace{MaxWait: 72 * time.Hour}},
		"outlook365": {"outlook365", func(c *smtptest.Config) {
			c.Throttle.Rate, c.MaxConnections, c.Throttle.PerDay = smtptest.Rate{Count: 30, Per: time.Minute}, 3, 1000
		}, policy.Pace{MaxWait: 72 * time.Hour}},
		"mailgun": {"mailgun", func(c *smtptest.Config) {
			c.Throttle.Rate = smtptest.Rate{Count: 100, Per: time.Hour}
		}, policy.Pace{MaxWait: 72 * time.Hour}},
		"sendgrid": {"sendgrid", func(c *smtptest.Config) {
			c.Throttle.PerDay, c.Throttle.PerConnection = 1000, 100
		}, policy.Pace{MaxWait: 72 * time.Hour}},
		"zoho": {"zoho", func(c *smtptest.Config) {
			c.Throttle.PerDay = 1000
		}, policy.Pace{MaxWait: 72 * time.Hour}},
		"yahoo": {"yahoo", func(c *smtptest.Config) {
			c.Throttle.PerConnection, c.IdleTimeout = 20, time.Minute
		}, policy.Pace{}},
	}
	for _, name := range smtptest.Dialects() {
		if _, ok := days[name]; !ok {
			t.Errorf("there is no day for the dialect %s", name)
		}
	}
	for name, tc := range days {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const newsletter, single = 1200, 48
				srv, b := providerInMemory(t, tc.provider, func(c *smtptest.Config) {
					c.Dialect.Name, c.Hooks = name, []smtptest.Hook{deadAddresses}
					tc.limits(c)
				})
				defer srv.Close()
				tc.pace.Next = build(t, b.ResendUnsent())
				pace, err := tc.pace.Build()
				if err != nil {
					t.Fatal(err)
				}
				defer transport.Close(pace)
				got := map[transport.Outcome]int{}
				for sent, err := range transport.SendAll(t.Context(), pace, newsletterDay(t, newsletter, single)) {
					r := sent.Result.Recipients[0]
					got[r.Outcome]++
					dead := strings.HasPrefix(r.Address.LocalPart(), "dead")
					if dead != (r.Outcome == transport.Rejected) || !dead && r.Outcome != transport.Accepted {
						t.Fatalf("mail %d: %v is %v: %v", sent.Index, r.Address, r.Outcome, err)
					}
				}
				once := map[string]int{}
				for _, m := range srv.Messages() {
					once[m.Addresses()[0]]++
				}
				if len(once) != got[transport.Accepted] || got[transport.Accepted]+got[transport.Rejected] != newsletter+single {
					t.Errorf("%v, and %d mails arrived", got, len(once))
				}
				for to, n := range once {
					if n != 1 {
						t.Errorf("%s got %d", to, n)
					}
				}
			})
		})
	}
}

// providerInMemory is a server in a bubble that is a provider, "" for none, and a transport to it.
func providerInMemory(t *testing.T, name string, change func(*smtptest.Config)) (*smtptest.Server, smtp.Builder) {
	t.Helper()
	srv := smtptest.NewUnstartedServer(t)
	c := &srv.Config
	c.Network, c.Security, c.CertificateLifetime = "memory", smtptest.ImplicitTLS, 100*24*time.Hour
	b, host, user := smtp.Relay("smtp.example.org"), "smtp.example.org", "user"
	if p, ok := smtp.LookupProvider(name); ok {
		b, host, user = smtp.ForProvider(name), p.Host, cmp.Or(p.User, user)
		if p.TLS == client.TLSStartTLS {
			c.Security = smtptest.STARTTLS
		}
	}
	c.Users, c.CertificateNames = map[string]string{user: "password"}, []string{host}
	change(c)
	srv.Start()
	return srv, b.Login(user, "password").Dialer(srv.Dial).TLSConfig(&tls.Config{RootCAs: srv.CertPool()})
}

// deadAddresses refuses one recipient in 16.
func deadAddresses(e smtptest.Event) smtptest.Action {
	if e.At == smtptest.Rcpt && strings.HasPrefix(e.Recipient, "dead") {
		return smtptest.Reply("550 5.1.1 no such user")
	}
	return smtptest.Action{}
}

// newsletterDay is a newsletter at once, and single mails over the day.
func newsletterDay(t *testing.T, newsletter, single int) iter.Seq[transport.Mail] {
	return func(yield func(transport.Mail) bool) {
		for i := range newsletter + single {
			name := "r"
			if i%16 == 3 {
				name = "dead"
			}
			if i >= newsletter {
				time.Sleep(24 * time.Hour / time.Duration(single))
			}
			env, err := envelope.New(address(t, "news@example.org"), address(t, fmt.Sprintf("%s%d@d%d.example", name, i, i%7)))
			if err != nil {
				t.Error(err)
				return
			}
			if !yield(transport.Raw(env, []byte(content))) {
				return
			}
		}
	}
}
