package smtp

import (
	"slices"
	"strings"

	"github.com/depeche-mail/depeche/transport"
)

// signing is what a page of a provider says about DKIM signatures.
type signing struct {
	rules  transport.SignatureRules
	source string
}

// signatures is what providers do with signatures, by name; those that are not here say nothing that was found.
// Amazon SES stands for all its regions. It answers 554 "Duplicate header 'DKIM-Signature'" to a second
// signature, and its page header-fields.html has that field among those that occur once.
var signatures = map[string]signing{
	"brevo":        {signsItself, "https://developers.brevo.com/docs/domain-authentication-and-verification"},
	"mailgun":      {signsItself, "https://documentation.mailgun.com/docs/mailgun/user-manual/domains/domains-verify"},
	"mailgun-eu":   {signsItself, "https://documentation.mailgun.com/docs/mailgun/user-manual/domains/domains-verify"},
	"sparkpost":    {signsItself, "https://developers.sparkpost.com/api/sending-domains/"},
	"sparkpost-eu": {signsItself, "https://developers.sparkpost.com/api/sending-domains/"},
	sesPrefix: {
		transport.SignatureRules{SignsItself: true, Max: 1, Rewrites: []string{"Message-ID", "Date", "Return-Path", "Bounces-To"}},
		"https://docs.aws.amazon.com/ses/latest/dg/send-email-authentication-dkim-manual.html",
	},
}

const sesPrefix = "ses-"

// signsItself is a provider that has a key for each domain of a customer.
var signsItself = transport.SignatureRules{SignsItself: true}

// SignatureRules returns what the provider does with DKIM signatures, and the page of the provider that says
// so; "" when nothing is known.
func (p Provider) SignatureRules() (rules transport.SignatureRules, source string) {
	name := p.Name
	if strings.HasPrefix(name, sesPrefix) {
		name = sesPrefix
	}
	found := signatures[name]
	found.rules.Rewrites = slices.Clone(found.rules.Rewrites) // the caller's own
	return found.rules, found.source
}

// SignatureRules returns what the provider of [ForProvider] does with DKIM signatures; for other relays nothing is
// known. policy.Prepare asks for it.
func (t *Transport) SignatureRules() transport.SignatureRules {
	rules, _ := t.provider.SignatureRules()
	return rules
}
