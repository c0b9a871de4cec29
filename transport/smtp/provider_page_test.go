package smtp_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/google/go-cmp/cmp"
)

var updateProviders = flag.Bool("update-providers", false, "write docs/providers.md anew")

// TestProvidersPage: the page about providers says what the table says.
func TestProvidersPage(t *testing.T) {
	const name = "../../docs/providers.md"
	want := providersPage()
	if *updateProviders {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(have)); diff != "" {
		t.Errorf("%s is stale, run: go test ./transport/smtp -run TestProvidersPage -update-providers\n%s", name, diff)
	}
}

func providersPage() string {
	var b strings.Builder
	b.WriteString(`# Providers

` + "```go\nsender, err := smtp.ForProvider(\"gmail\").Login(user, appPassword).Build() // or Credentials with a token\n```" + `

` + "`smtp.ForProvider(name)`" + ` begins a transport to one of these; ` + "`smtp.LookupProvider(name)`" + ` has its limits. The pool keeps
the limits of connections and of messages over one connection, unless ` + "`Pool`" + ` says otherwise. An empty cell means
that the page of the provider says nothing, not that there is no limit; a figure is what a copy or a quotation of
that page said on the day on which it was read, and Source is where to look what is true today. Amazon SES has a name for each region, such as ` + "`ses-eu-west-1`" + `. ` + "`user`" + ` is the user name of all
customers, with the key of the API as password; Build refuses another one. Gmail and Microsoft 365 want an app password or a token
instead of the password of the account.

This page is written by a test from the table in the code.

| name | relay | user | connections | messages per connection | messages | recipients per message | octets | source, read on |
|---|---|---|---|---|---|---|---|---|
`)
	for _, p := range smtp.Providers() {
		scheme := map[client.TLSMode]string{client.TLSImplicit: "smtps", client.TLSStartTLS: "smtp+starttls"}[p.TLS]
		l := p.Limits
		rates := ""
		for _, rate := range []struct {
			n    int
			unit string
		}{{l.PerMinute, " a minute"}, {l.PerDay, " a day"}, {l.RcptPerDay, " recipients a day"}} {
			if rate.n > 0 {
				rates = strings.TrimPrefix(rates+", "+figure(int64(rate.n))+rate.unit, ", ")
			}
		}
		fmt.Fprintf(&b, "| `%s` | `%s://%s:%d` | %s | %s | %s | %s | %s | %s | [%s](%s) |\n", p.Name, scheme, p.Host, p.Port, p.User,
			figure(int64(l.Connections)), figure(int64(l.PerSession)), rates, figure(int64(l.Recipients)), figure(l.Size),
			l.AsOf.Format("2006-01-02"), l.Source)
	}
	b.WriteString(`
## Signatures

What the provider does with DKIM ([signed.md](signed.md)), as far as its pages say so.

| name | signs for your domains | signatures of yours | fields that it writes itself | source |
|---|---|---|---|---|
`)
	for _, p := range smtp.Providers() {
		rules, source := p.SignatureRules()
		if source == "" {
			continue
		}
		signs := map[bool]string{true: "yes", false: ""}[rules.SignsItself]
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | [page](%s) |\n", p.Name, signs, figure(int64(rules.Max)), strings.Join(rules.Rewrites, ", "), source)
	}
	return b.String()
}

func figure(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}
