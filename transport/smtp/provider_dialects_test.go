package smtp_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"net/url"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/outcome"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// TestProviderDialects: what each phrase of a provider means. None of them is a verdict on a recipient, and a quota is
// Deferred.
func TestProviderDialects(t *testing.T) {
	const deferred, rejected = transport.Deferred, transport.Rejected
	const account, relay, policy = transport.FaultAccount, transport.FaultRelay, transport.FaultPolicy
	used := map[outcome.Phrase]bool{}
	for _, tc := range []struct {
		provider string
		phase    transport.Phase
		code     int
		enhanced string
		text     string
		want     outcome.Meaning
	}{
		{"gmail", transport.PhaseMail, 550, "5.4.5", "Daily user sending limit exceeded.", outcome.Meaning{Outcome: deferred, Fault: account, RetryAfter: time.Hour}},
		{"google-workspace", transport.PhaseRcpt, 550, "5.4.5", "Daily sending quota exceeded.", outcome.Meaning{Outcome: deferred, Fault: account, RetryAfter: time.Hour}},
		{"gmail", transport.PhaseMail, 550, "5.7.1", "Daily SMTP relay limit exceeded for customer.", outcome.Meaning{Outcome: deferred, Fault: account, RetryAfter: time.Hour}},
		{"gmail", transport.PhaseRcpt, 450, "4.2.1", "Peak SMTP relay limit exceeded for customer.", outcome.Meaning{Outcome: deferred, Fault: account}},
		{"gmail", transport.PhaseAuth, 454, "4.7.0", "Too many login attempts, please try again later.", outcome.Meaning{Outcome: deferred, Fault: account}},
		{"gmail", transport.PhaseMail, 421, "4.7.0", "Our system has detected an unusual rate of unsolicited mail", outcome.Meaning{Outcome: deferred, Fault: policy}},
		{"gmail", transport.PhaseGreeting, 421, "4.7.0", "Try again later, closing connection.", outcome.Meaning{Outcome: deferred, Fault: relay}},
		{"gmail", transport.PhaseMail, 421, "4.7.28", "a rate", outcome.Meaning{Outcome: deferred, Fault: relay}},
		{"gmail", transport.PhaseGreeting, 421, "4.4.5", "Server busy, try again later.", outcome.Meaning{Outcome: deferred, Fault: relay}},
		{"gmail", transport.PhaseMail, 451, "4.4.2", "Timeout - closing connection.", outcome.Meaning{Outcome: deferred, Fault: relay}},
		{"ses-eu-west-1", transport.PhaseFinal, 454, "", "Throttling failure: Maximum sending rate exceeded.", outcome.Meaning{Outcome: deferred, Fault: account, RetryAfter: time.Second}},
		{"ses-eu-west-1", transport.PhaseFinal, 454, "", "Throttling failure: Daily message quota exceeded.", outcome.Meaning{Outcome: deferred, Fault: account, RetryAfter: 10 * time.Minute}},
		{"ses-eu-west-1", transport.PhaseGreeting, 421, "", "Too many concurrent SMTP connections", outcome.Meaning{Outcome: deferred, Fault: relay}},
		{"ses-eu-west-1", transport.PhaseMail, 451, "4.4.2", "Timeout waiting for data from client.", outcome.Meaning{Outcome: deferred, Fault: relay}},
		{"ses-eu-west-1", transport.PhaseFinal, 554, "", "Message rejected: Sending paused for this account.", outcome.Meaning{Outcome: rejected, Fault: account}},
		{"ses-eu-west-1", transport.PhaseFinal, 554, "", "Message rejected: Email address is not verified.", outcome.Meaning{Outcome: rejected, Fault: account}},
		{"outlook365", transport.PhaseFinal, 432, "4.3.2", "Concurrent connections limit exceeded.", outcome.Meaning{Outcome: deferred, Fault: relay}},
		{"outlook365", transport.PhaseFinal, 432, "4.3.2", "STOREDRV.ClientSubmit; sender thread limit exceeded", outcome.Meaning{Outcome: deferred, Fault: relay}},
		{"outlook365", transport.PhaseFinal, 554, "5.2.0", "STOREDRV.Submission.Exception:SubmissionQuotaExceededException", outcome.Meaning{Outcome: deferred, Fault: account}},
		{"outlook365", transport.PhaseFinal, 554, "5.2.2", "mailbox full; STOREDRV.Submission.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded", outcome.Meaning{Outcome: rejected, Fault: account}},
		{"outlook365", transport.PhaseFinal, 550, "5.2.251", "Sender throttled due to continuous mailbox full errors.", outcome.Meaning{Outcome: deferred, Fault: account}},
		{"outlook365", transport.PhaseFinal, 550, "5.2.252", "Sender throttled due to continuous send as denied errors.", outcome.Meaning{Outcome: deferred, Fault: account}},
		{"outlook365", transport.PhaseFinal, 550, "5.2.253", "Sender throttled due to continuous invalid license errors.", outcome.Meaning{Outcome: deferred, Fault: account}},
		{"outlook365", transport.PhaseFinal, 550, "5.2.254", "Sender throttled due to continuous too many recipients errors.", outcome.Meaning{Outcome: deferred, Fault: account}},
		{"outlook365", transport.PhaseFinal, 550, "5.2.255", "Sender throttled due to continuous invalid recipients errors.", outcome.Meaning{Outcome: deferred, Fault: account}},
		{"outlook365", transport.PhaseFinal, 554, "5.2.252", "SendAsDenied; a@example.org not allowed to send as b@example.org", outcome.Meaning{Outcome: rejected, Fault: account}},
		{"outlook365", transport.PhaseFinal, 550, "5.1.90", "Your message can't be sent because you've reached your daily limit for message recipients", outcome.Meaning{Outcome: deferred, Fault: account}},
		{"outlook365", transport.PhaseFinal, 550, "5.7.232", "trial tenant has exceeded its daily limit", outcome.Meaning{Outcome: deferred, Fault: account}},
		{"outlook365", transport.PhaseFinal, 550, "5.7.233", "tenant exceeded its daily limit", outcome.Meaning{Outcome: deferred, Fault: account}},
		{"outlook365", transport.PhaseFinal, 550, "5.7.705", "Access denied, tenant has exceeded threshold.", outcome.Meaning{Outcome: rejected, Fault: account}},
		{"outlook365", transport.PhaseMail, 550, "5.7.708", "Access denied, traffic not accepted from this IP.", outcome.Meaning{Outcome: rejected, Fault: account}},
		{"mailgun", transport.PhaseData, 421, "", "Domain example.org is not allowed to send: recipient limit exceeded, try again after Sun, 29 Nov 2026 00:00:00 UTC", outcome.Meaning{Outcome: deferred, Fault: account, RetryAfter: 24 * time.Hour}},
		{"mailgun-eu", transport.PhaseFinal, 554, "", "Your account is on probation and domains are limited to 100 messages / hour. Account will be enabled in 341 seconds", outcome.Meaning{Outcome: deferred, Fault: account, RetryAfter: 341 * time.Second}},
		{"mailgun", transport.PhaseAuth, 535, "5.7.0", "Your account is on probation and domains are limited to 100 messages / hour. Account will be enabled in 2081 seconds", outcome.Meaning{Outcome: deferred, Fault: account, RetryAfter: 2081 * time.Second}},
		{"sendgrid", transport.PhaseAuth, 451, "", "Authentication failed: Maximum credits exceeded", outcome.Meaning{Outcome: deferred, Fault: account}},
		{"sendgrid", transport.PhaseMail, 451, "", "You've exceeded your messaging limits", outcome.Meaning{Outcome: deferred, Fault: account}},
		{"brevo", transport.PhaseFinal, 502, "5.7.0", "Your SMTP account is not yet activated.", outcome.Meaning{Outcome: rejected, Fault: account}},
		{"zoho", transport.PhaseFinal, 550, "5.4.6", "Unusual sending activity detected.", outcome.Meaning{Outcome: deferred, Fault: account, RetryAfter: 24 * time.Hour}},
		{"zoho", transport.PhaseAuth, 554, "5.1.8", "Sender Address Blocked", outcome.Meaning{Outcome: rejected, Fault: account}},
		{"yahoo", transport.PhaseMail, 421, "4.7.0", "[TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints", outcome.Meaning{Outcome: deferred, Fault: policy, RetryAfter: 4 * time.Hour}},
	} {
		p, ok := smtp.LookupProvider(tc.provider)
		if !ok {
			t.Fatal(tc.provider)
		}
		now := time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)
		reply := transport.Reply{Code: tc.code, Enhanced: tc.enhanced, Lines: []string{tc.text}}
		dialect := p.Dialect()
		if diff := cmp.Diff(tc.want, dialect.Read(tc.phase, reply, false, now)); diff != "" {
			t.Errorf("%s: %s\n%s", tc.provider, reply, diff)
		}
		marked := p.Dialect()
		for i := range marked { // the one that decides gives its own wait, unless the reply names one
			marked[i].Passes, marked[i].RetryAfter = true, time.Duration(i+1)
		}
		if i := int(marked.Read(tc.phase, reply, false, now).RetryAfter) - 1; i >= 0 && i < len(dialect) {
			used[dialect[i]] = true
		} else if len(dialect) == 3 { // Mailgun, which names it
			used[dialect[slices.IndexFunc(dialect, func(p outcome.Phrase) bool { return p.Code == tc.code })]] = true
		}
	}
	for _, p := range smtp.Providers() {
		for i, phrase := range p.Dialect() {
			if source, err := url.Parse(phrase.Source); err != nil || source.Scheme != "https" || source.Host == "" {
				t.Errorf("%s: %+v has no source", p.Name, phrase)
			}
			if !used[phrase] {
				t.Errorf("%s: no reply is read by %+v", p.Name, phrase)
			}
			if phrase.Fault == transport.FaultRecipient || phrase.Fault == transport.FaultUnknown || phrase.Code == 0 && phrase.Text == "" {
				t.Errorf("%s: phrase %d is %+v", p.Name, i, phrase)
			}
		}
	}
}

// TestQuotaInMidCampaign: a quota that comes as 5yz is Deferred with its wait, for a relay that is known by its host
// too, and says so to a policy above.
func TestQuotaInMidCampaign(t *testing.T) {
	for name, begin := range map[string]func() smtp.Builder{
		"by name": func() smtp.Builder { return smtp.ForProvider("gmail").Login("user", "password") },
		"by host": func() smtp.Builder { return smtp.Relay("SMTP.gmail.com").Login("user", "password") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := smtptest.NewUnstartedServer(t)
				srv.Config.Network, srv.Config.Security = "memory", smtptest.ImplicitTLS
				srv.Config.CertificateNames = []string{"smtp.gmail.com"}
				srv.Config.Users = map[string]string{"user": "password"}
				srv.Config.Dialect.Name, srv.Config.Throttle.PerDay = "gmail", 2
				srv.Start()
				defer srv.Close()
				sender := build(t, begin().TLSConfig(&tls.Config{RootCAs: srv.CertPool()}).Dialer(srv.Dial))
				defer sender.Close()
				var got []transport.RecipientResult
				for range 3 {
					result, err := sender.Send(t.Context(), mail(t, "b@example.org"))
					got = append(got, result.Recipients[0])
					if failed := new(transport.SendError); errors.As(err, &failed) && !failed.Temporary() {
						t.Errorf("not temporary: %v", err)
					}
				}
				r := got[2]
				if got[1].Outcome != transport.Accepted || r.Outcome != transport.Deferred || r.Fault != transport.FaultAccount ||
					r.RetryAfter != time.Hour || r.Reply.Code != 550 || r.MaySuppress() {
					t.Errorf("%+v", got)
				}
			})
		})
	}
}

// TestQuotaInTheMiddleOfSendAll: of 1,000 mails those beyond the quota of each dialect that has one are Deferred because of the account, in
// whatever words and codes, and no recipient may be blamed.
func TestQuotaInTheMiddleOfSendAll(t *testing.T) {
	const quota, all = 600, 1000
	for name, provider := range map[string]string{
		"gmail": "gmail", "ses": "ses-eu-west-1", "outlook365": "outlook365", "mailgun": "mailgun", "sendgrid": "sendgrid", "zoho": "zoho",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, b := providerInMemory(t, provider, func(c *smtptest.Config) { c.Dialect.Name, c.Throttle.PerDay = name, quota })
				got := map[transport.Outcome]int{}
				for sent := range build(t, b).SendAll(t.Context(), mailsTo(t, all)) {
					r := sent.Result.Recipients[0]
					got[r.Outcome]++
					if r.Outcome != transport.Accepted && (r.Fault != transport.FaultAccount || r.MaySuppress()) {
						t.Fatalf("%+v", r)
					}
				}
				if diff := cmp.Diff(map[transport.Outcome]int{transport.Accepted: quota, transport.Deferred: all - quota}, got); diff != "" {
					t.Error(diff)
				}
				storedOnce(t, srv, quota)
			})
		})
	}
}

// TestQuotaAtLogin: a login that is refused by 5yz because a quota is used up is for now.
func TestQuotaAtLogin(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.CertificateNames = []string{"smtp.mailgun.org"}
	srv.Config.Hooks = []smtptest.Hook{smtptest.On(smtptest.Auth, smtptest.Reply("535 5.7.0 Your account is on probation. Account will be enabled in 60 seconds"))}
	srv.StartImplicitTLS()
	sender := build(t, smtp.ForProvider("mailgun").Login(smtptest.User, smtptest.Password).TLSConfig(&tls.Config{RootCAs: srv.CertPool()}).Dialer(srv.Dial))
	result, err := sender.Send(t.Context(), mail(t, "b@example.org"))
	failed := new(transport.SendError)
	if !errors.As(err, &failed) || !failed.Temporary() || failed.Phase != transport.PhaseAuth || !errors.As(err, new(*client.Error)) {
		t.Fatalf("%v", err)
	}
	r := result.Recipients[0]
	if r.Outcome != transport.NotSent || r.Fault != transport.FaultAccount || r.RetryAfter != time.Minute {
		t.Errorf("%+v", r)
	}
}

// TestProviderLimitsAreKept: the recipients and the octets of a message are those that the provider allows, although the
// server offers more.
func TestProviderLimitsAreKept(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.CertificateNames = []string{"smtp.postmarkapp.com"}
	srv.Start()
	sender := build(t, smtp.ForProvider("postmark").Login(smtptest.User, smtptest.Password).TLSConfig(&tls.Config{RootCAs: srv.CertPool()}).Dialer(srv.Dial))
	to := make([]string, 120)
	for i := range to {
		to[i] = "r" + string(rune('a'+i/26)) + string(rune('a'+i%26)) + "@example.org"
	}
	if _, err := sender.Send(t.Context(), mail(t, to...)); err != nil {
		t.Fatal(err)
	}
	var sizes []int
	for _, m := range srv.Messages() {
		sizes = append(sizes, len(m.Recipients))
	}
	if diff := cmp.Diff([]int{50, 50, 20}, sizes); diff != "" {
		t.Error(diff)
	}
	line := append(bytes.Repeat([]byte("x"), 98), "\r\n"...)
	large := transport.Raw(mail(t, "b@example.org").Envelope(), append([]byte("Subject: x\r\n\r\n"), bytes.Repeat(line, 100*1000)...))
	if _, err := sender.Send(t.Context(), large); !errors.Is(err, client.ErrTooLarge) {
		t.Errorf("a message that is too large: %v", err)
	}
}

// TestProviderRate: a transport names the rate of its provider, through policies too, and none where nothing is known.
func TestProviderRate(t *testing.T) {
	limited := build(t, smtp.ForProvider("outlook365").Login("u", "p"))
	over, err := policy.Retry{Next: limited}.Build()
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		t    transport.Transport
		want int
	}{{limited, 30}, {over, 30}, {build(t, smtp.ForProvider("gmail").Login("u", "p")), 0}, {transport.Discard(), 0}} {
		if n, per := transport.MessageRateOf(tc.t); n != tc.want || n > 0 && per != time.Minute {
			t.Errorf("%v: %d in %v, want %d", tc.t, n, per, tc.want)
		}
	}
}
