package smtp_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

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
the limits of connections, of messages over one connection and of idle time, unless ` + "`Pool`" + ` says otherwise. A mail for
more recipients than one message may have goes in several transactions, one with too many octets is NotSent. The rate of messages is where
` + "`policy.Pace`" + ` begins. The quota of a day is kept where ` + "`policy.Quota`" + ` is used, and there alone. An empty cell means
that the page of the provider says nothing, not that there is no limit; a figure is what a copy or a quotation of
that page said on the day on which it was read, and Source is where to look what is true today. Amazon SES has a name for each region, such as ` + "`ses-eu-west-1`" + `. ` + "`user`" + ` is the user name of all
customers, with the key of the API as password; Build refuses another one. Gmail and Microsoft 365 want an app password or a token
instead of the password of the account.

This page is written by a test from the table in the code.

| name | relay | user | connections | messages per connection | idle | messages | recipients per message | octets | source, read on |
|---|---|---|---|---|---|---|---|---|---|
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
		fmt.Fprintf(&b, "| `%s` | `%s://%s:%d` | %s | %s | %s | %s | %s | %s | %s | [%s](%s) |\n", p.Name, scheme, p.Host, p.Port, p.User,
			figure(int64(l.Connections)), figure(int64(l.PerSession)), wait(l.Idle), rates, figure(int64(l.Recipients)), figure(l.Size),
			l.AsOf.Format("2006-01-02"), l.Source)
	}
	b.WriteString(`
## What they say

Refusals that are about the account, the rate or the connection and not about the mail ([outcomes.md](outcomes.md#what-providers-say)).
The phrases are parts of what was read on the page or in the report; every provider that is not here says nothing that was
found. They are used for a relay that is known by its host, too. Whatever the table says, a quota or a rate is never a
verdict on a recipient, and a wait that a reply names is taken from the reply.

| name | reply | fault | outcome | wait | source |
|---|---|---|---|---|---|
`)
	for _, p := range smtp.Providers() {
		for _, phrase := range p.Dialect() {
			outcome := "as its code says"
			if phrase.Passes {
				outcome = "deferred"
			}
			said := strings.TrimSpace(figure(int64(phrase.Code)) + " " + phrase.Enhanced)
			if strings.HasSuffix(phrase.Enhanced, ".") {
				said += "z"
			}
			if phrase.Text != "" {
				said = strings.TrimSpace(said + " `" + phrase.Text + "`")
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | [page](%s) |\n", p.Name, said, phrase.Fault, outcome, wait(phrase.RetryAfter), phrase.Source)
		}
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

func wait(d time.Duration) string {
	switch {
	case d == 0:
		return ""
	case d%time.Hour == 0:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}

func figure(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}
