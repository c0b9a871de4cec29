package smtp_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// TestDomainsOfASession: RCPTDOMAINMAX (RFC 9422 section 4.3) is kept, one by one and in bulk, and costs no
// mail.
func TestDomainsOfASession(t *testing.T) {
	const most, mails = 2, 24
	all := make([]transport.Mail, mails)
	for i := range all {
		domain := i / 2 % 5
		all[i] = mail(t, fmt.Sprintf("%d@d%d.example.org", i, domain), fmt.Sprintf("again%d@d%d.example.org", i, domain))
	}
	for name, send := range map[string]func(t *testing.T, sender *smtp.Transport){
		"one by one": func(t *testing.T, sender *smtp.Transport) {
			t.Helper()
			for i, m := range all {
				if _, err := sender.Send(t.Context(), m); err != nil {
					t.Errorf("mail %d: %v", i, err)
				}
			}
		},
		"in bulk": func(t *testing.T, sender *smtp.Transport) {
			t.Helper()
			for sent, err := range sender.SendAll(t.Context(), slices.Values(all)) {
				if err != nil {
					t.Errorf("mail %d: %v", sent.Index, err)
				}
			}
		},
	} {
		for _, extensions := range [][]string{smtptest.DefaultExtensions(), smtptest.Without("CHUNKING", "BINARYMIME")} {
			t.Run(fmt.Sprintf("%s, %d extensions", name, len(extensions)), func(t *testing.T) {
				srv := smtptest.NewUnstartedServer(t)
				srv.Config.Extensions = append(extensions, fmt.Sprintf("LIMITS RCPTDOMAINMAX=%d", most))
				srv.Start()
				send(t, build(t, relay(srv).Pool(smtp.Pool{MaxOpen: 2}).BulkWindow(8)))
				domains := map[int]map[string]bool{}
				for _, m := range srv.Messages() {
					for _, r := range m.Recipients {
						if domains[m.Session] == nil {
							domains[m.Session] = map[string]bool{}
						}
						_, domain, _ := strings.Cut(r.Address, "@")
						domains[m.Session][domain] = true
					}
				}
				if n := len(srv.Messages()); n != mails {
					t.Errorf("%d messages of %d", n, mails)
				}
				for session, names := range domains {
					if len(names) > most {
						t.Errorf("session %d had %d domains", session, len(names))
					}
				}
				if len(domains) < 3 {
					t.Errorf("%d sessions for five domains", len(domains))
				}
			})
		}
	}
}

// TestDomainsOfASplitMail: the domains of recipients whose transaction comes later count too.
func TestDomainsOfASplitMail(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Extensions = append(smtptest.Without("CHUNKING", "BINARYMIME"), "LIMITS RCPTMAX=1 RCPTDOMAINMAX=2")
	srv.Start()
	sender := build(t, relay(srv).Pool(smtp.Pool{MaxOpen: 1}))
	mails := []transport.Mail{mail(t, "a@d0.example.org", "b@d1.example.org"), mail(t, "c@d2.example.org")}
	for sent, err := range sender.SendAll(t.Context(), slices.Values(mails)) {
		if err != nil {
			t.Errorf("mail %d: %v", sent.Index, err)
		}
	}
	sessions := map[string]int{}
	for _, m := range srv.Messages() {
		sessions[m.Recipients[0].Address] = m.Session
	}
	want := map[string]int{"a@d0.example.org": 1, "b@d1.example.org": 1, "c@d2.example.org": 2}
	if diff := cmp.Diff(want, sessions); diff != "" {
		t.Error(diff)
	}
}
