package smtp_test

import (
	stdcmp "cmp"
	"crypto/tls"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestServices: each preset is usable, encrypted, and says where its limits are from and of when.
func TestServices(t *testing.T) {
	list := smtp.Providers()
	if !slices.IsSortedFunc(list, func(a, b smtp.Provider) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("not in alphabetical order")
	}
	ports := map[client.TLSMode]int{client.TLSImplicit: 465, client.TLSStartTLS: 587}
	for _, p := range list {
		if again, ok := smtp.LookupProvider(p.Name); !ok || again != p {
			t.Errorf("%s is looked up as %v", p.Name, again)
		}
		if want, ok := ports[p.TLS]; !ok || p.Port != want {
			t.Errorf("%s: TLS %v on port %d", p.Name, p.TLS, p.Port)
		}
		source, err := url.Parse(p.Limits.Source)
		if err != nil || source.Scheme != "https" || source.Host == "" {
			t.Errorf("%s: source %q", p.Name, p.Limits.Source)
		}
		if p.Limits.AsOf.Before(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("%s: read on %v", p.Name, p.Limits.AsOf)
		}
		user := stdcmp.Or(p.User, "user")
		build(t, smtp.ForProvider(p.Name).Login(user, "password"))
		for what, b := range map[string]smtp.Builder{
			"no login":     smtp.ForProvider(p.Name),
			"another user": smtp.ForProvider(p.Name).Login("x"+user, "password"),
		} {
			if what == "another user" && p.User == "" {
				continue
			}
			if _, err := b.Build(); !slices.Equal(fields(err), []string{"ForProvider"}) {
				t.Errorf("%s, %s: %v", p.Name, what, err)
			}
		}
	}
}

// TestProviderSignatures: a transport says what its provider does with signatures, SES in each region, and what a caller
// does to the answer changes nothing.
func TestProviderSignatures(t *testing.T) {
	ses := transport.SignatureRules{SignsItself: true, Max: 1, Rewrites: []string{"Message-ID", "Date", "Return-Path", "Bounces-To"}}
	for _, tc := range []struct {
		b    smtp.Builder
		want transport.SignatureRules
	}{
		{smtp.ForProvider("ses-us-east-1").Login("u", "p"), ses},
		{smtp.ForProvider("ses-ap-southeast-2").Login("u", "p"), ses},
		{smtp.ForProvider("mailgun").Login("u", "p"), transport.SignatureRules{SignsItself: true}},
		{smtp.ForProvider("gmail").Login("u", "p"), transport.SignatureRules{}},
		{smtp.Relay("smtp.example.org"), transport.SignatureRules{}},
	} {
		tr := build(t, tc.b)
		for range 2 {
			got := transport.SignatureRulesOf(tr)
			if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
			clear(got.Rewrites)
		}
	}
	for _, p := range smtp.Providers() {
		if _, source := p.SignatureRules(); source != "" && !strings.HasPrefix(source, "https://") {
			t.Errorf("%s: source %q", p.Name, source)
		}
	}
}

// TestHostOfAProvider: a relay that is named by its host keeps the limits of its provider as one that is named by its
// provider does, without being held to its login.
func TestHostOfAProvider(t *testing.T) {
	for host, rules := range map[string]bool{
		"email-smtp.eu-west-1.amazonaws.com":      true,
		"Email-SMTP.eu-west-1.amazonaws.com":      true,
		"smtp.mailgun.org":                        true,
		"smtp.gmail.com":                          false,
		"email-smtp.evil.example":                 false,
		"email-smtp.eu-west-1.amazonaws.com.evil": false,
	} {
		if got := transport.SignatureRulesOf(build(t, smtp.Relay(host))); got.SignsItself != rules {
			t.Errorf("%s: %+v", host, got)
		}
	}
	if got := transport.SignatureRulesOf(build(t, smtp.UnixSocket("smtp.mailgun.org"))); got.SignsItself {
		t.Error("a socket is taken for a provider")
	}
}

func TestLookupService(t *testing.T) {
	for name, host := range map[string]string{
		"ses-eu-west-1":         "email-smtp.eu-west-1.amazonaws.com",
		"ses-us-gov-west-1":     "email-smtp.us-gov-west-1.amazonaws.com",
		"gmail":                 "smtp.gmail.com",
		"":                      "",
		"Gmail":                 "",
		"ses-":                  "",
		"ses-evil.example":      "",
		"ses-eu-west-1.evil":    "",
		"ses-eu-west-1\r\nQUIT": "",
	} {
		p, ok := smtp.LookupProvider(name)
		if p.Host != host || ok != (host != "") {
			t.Errorf("%q: %q, want %q", name, p.Host, host)
		}
		_, err := smtp.ForProvider(name).Login("user", "password").Build()
		var want []string
		if !ok {
			want = []string{"ForProvider"}
		}
		if diff := cmp.Diff(want, fields(err)); diff != "" {
			t.Errorf("%q: fields (-want +got):\n%s", name, diff)
		}
	}
}

// TestServicePool: a pool that says nothing else keeps the provider's limits.
func TestServicePool(t *testing.T) {
	for name, tc := range map[string]struct {
		pool smtp.Pool
		want int  // connections at once
		host bool // the relay is named by its host
	}{
		"what Microsoft allows":   {want: 3},
		"by the host":             {want: 3, host: true},
		"a field of another kind": {pool: smtp.Pool{MaxWaiting: 100}, want: 3},
		"the caller knows better": {pool: smtp.Pool{MaxOpen: 5}, want: 5},
	} {
		t.Run(name, func(t *testing.T) {
			release := make(chan struct{})
			srv := smtptest.NewUnstartedServer(t)
			srv.Config.CertificateNames = []string{"smtp.office365.com"}
			srv.Config.Hooks = []smtptest.Hook{smtptest.On(smtptest.Mail, smtptest.Wait(release).Then(smtptest.Default()))}
			srv.Start()
			var wire recorder
			begin := smtp.ForProvider("outlook365")
			if tc.host {
				begin = smtp.StartTLSRelay("smtp.office365.com")
			}
			sender := build(t, begin.Pool(tc.pool).Login(smtptest.User, smtptest.Password).
				TLSConfig(&tls.Config{RootCAs: srv.CertPool()}).Dialer(wire.dialer(srv.Addr())))
			var running sync.WaitGroup
			for range 2 * tc.want {
				running.Go(func() {
					if _, err := sender.Send(t.Context(), mail(t, "b@example.org")); err != nil {
						t.Error(err)
					}
				})
			}
			busy := func() (n int) {
				for _, s := range srv.Sessions() {
					n += min(s.Count("MAIL"), 1)
				}
				return n
			}
			if err := srv.Wait(t.Context(), func() bool { return busy() == tc.want }); err != nil {
				t.Error(err)
			}
			close(release)
			running.Wait()
			if n := len(srv.Sessions()); n != tc.want {
				t.Errorf("%d connections, want %d", n, tc.want)
			}
		})
	}
}
