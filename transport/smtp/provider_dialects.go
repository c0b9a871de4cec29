package smtp

import (
	"strings"
	"time"

	"github.com/depeche-mail/depeche/transport/outcome"
)

// The pages and reports in which the phrases were read.
const (
	googleErrors     = "https://support.google.com/a/answer/3726730"
	googleLimits     = "https://support.google.com/a/answer/166852"
	sesQuotas        = "https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas-errors.html"
	sesReplies       = "https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-smtp.html"
	sesMessages      = "https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html"
	microsoftLimits  = "https://learn.microsoft.com/en-us/exchange/troubleshoot/send-emails/smtp-submission-improvements"
	microsoftErrors  = "https://learn.microsoft.com/en-us/exchange/mail-flow-best-practices/continuous-error-throttling-smtp-auth-submissions"
	microsoftReports = "https://learn.microsoft.com/en-us/exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online/non-delivery-reports-in-exchange-online"
	mailgunQuota     = "https://github.com/coopdevs/timeoverflow/issues/820"
	mailgunTrial     = "https://github.com/pivorakmeetup/pivorak-web-app/issues/711"
	mailgunLogin     = "https://github.com/pivorakmeetup/pivorak-web-app/issues/556"
	sendgridBalance  = "https://github.com/mautic/mautic/issues/8721"
	sendgridLimits   = "https://github.com/WA-WF-Bot/WA-WF-Bot-Public/issues/282"
	brevoInactive    = "https://github.com/WPManageNinja/fluent-smtp/issues/157"
	zohoActivity     = "https://www.zoho.com/mail/help/usage-policy.html"
	zohoBlocked      = "https://help.zoho.com/portal/en/community/topic/issue-with-outgoing-mail"
	yahooDeferred    = "https://help.yahoo.com/kb/review-xx-smtp-sln26151.html"
)

// What phrases mean.
const (
	toAccount = outcome.FaultAccount
	toRelay   = outcome.FaultRelay
	toPolicy  = outcome.FaultPolicy
)

// googlePhrases are those of smtp.gmail.com. A day is any 24 hours, and a login that has used it up is barred for up to
// 24 hours: an hour is when it is worth a look.
var googlePhrases = outcome.Dialect{
	{Code: 550, Enhanced: "5.4.5", Fault: toAccount, Passes: true, RetryAfter: time.Hour, Source: googleLimits},
	{Code: 550, Text: "daily smtp relay", Fault: toAccount, Passes: true, RetryAfter: time.Hour, Source: googleErrors},
	{Code: 450, Enhanced: "4.2.1", Text: "peak smtp relay limit", Fault: toAccount, Passes: true, Source: googleErrors},
	{Code: 454, Enhanced: "4.7.0", Text: "too many login attempts", Fault: toAccount, Passes: true, Source: googleErrors},
	{Code: 421, Text: "unusual rate of unsolicited mail", Fault: toPolicy, Source: googleErrors},
	{Code: 421, Enhanced: "4.7.", Fault: toRelay, Source: googleErrors},
	{Code: 421, Enhanced: "4.4.5", Fault: toRelay, Source: googleErrors},
	{Code: 451, Enhanced: "4.4.2", Fault: toRelay, Source: googleErrors},
}

// sesPhrases are those of Amazon SES, whose rate counts seconds. It wants a throttled sender to come back within ten
// minutes.
var sesPhrases = outcome.Dialect{
	{Code: 454, Text: "maximum sending rate exceeded", Fault: toAccount, Passes: true, RetryAfter: time.Second, Source: sesQuotas},
	{Code: 454, Text: "daily message quota exceeded", Fault: toAccount, Passes: true, RetryAfter: 10 * time.Minute, Source: sesQuotas},
	{Code: 421, Text: "too many concurrent smtp connections", Fault: toRelay, Passes: true, Source: sesReplies},
	{Code: 451, Text: "timeout waiting for data", Fault: toRelay, Source: sesReplies},
	{Code: 554, Text: "for this account", Fault: toAccount, Source: sesMessages}, // sending is paused
	{Code: 554, Text: "not verified", Fault: toAccount, Source: sesMessages},     // an address or domain of the caller
}

// microsoftPhrases are those of smtp.office365.com. A day is any 24 hours, and no wait is named.
var microsoftPhrases = outcome.Dialect{
	{Code: 432, Text: "concurrent connections", Fault: toRelay, Passes: true, Source: microsoftLimits},
	{Text: "sender thread limit exceeded", Fault: toRelay, Passes: true, Source: microsoftLimits},
	{Text: "submissionquotaexceeded", Fault: toAccount, Passes: true, Source: microsoftLimits},
	{Text: "storedrv.submission.exception:quotaexceeded", Fault: toAccount, Source: microsoftLimits}, // the sender's mailbox is full
	{Code: 550, Enhanced: "5.2.251", Fault: toAccount, Passes: true, Source: microsoftErrors},
	{Code: 550, Enhanced: "5.2.252", Text: "throttled", Fault: toAccount, Passes: true, Source: microsoftErrors},
	{Code: 550, Enhanced: "5.2.253", Fault: toAccount, Passes: true, Source: microsoftErrors},
	{Code: 550, Enhanced: "5.2.254", Fault: toAccount, Passes: true, Source: microsoftErrors},
	{Code: 550, Enhanced: "5.2.255", Fault: toAccount, Passes: true, Source: microsoftErrors},
	{Code: 550, Enhanced: "5.1.90", Fault: toAccount, Passes: true, Source: microsoftReports},
	{Code: 550, Enhanced: "5.7.232", Fault: toAccount, Passes: true, Source: microsoftReports},
	{Code: 550, Enhanced: "5.7.233", Fault: toAccount, Passes: true, Source: microsoftReports},
	{Code: 550, Enhanced: "5.7.705", Fault: toAccount, Source: microsoftReports}, // an administrator has to act
	{Code: 550, Enhanced: "5.7.708", Fault: toAccount, Source: microsoftReports},
}

// mailgunPhrases name their wait.
var mailgunPhrases = outcome.Dialect{
	{Code: 421, Text: "is not allowed to send: recipient limit exceeded", Fault: toAccount, Passes: true, Source: mailgunQuota},
	{Code: 554, Text: "account is on probation", Fault: toAccount, Passes: true, Source: mailgunTrial},
	{Code: 535, Text: "account is on probation", Fault: toAccount, Passes: true, Source: mailgunLogin},
}

// dialects are the phrases by provider; those that are not here say nothing that was found. Amazon SES stands for all
// its regions.
var dialects = map[string]outcome.Dialect{
	"gmail":            googlePhrases,
	"google-workspace": googlePhrases,
	sesPrefix:          sesPhrases,
	"outlook365":       microsoftPhrases,
	"mailgun":          mailgunPhrases,
	"mailgun-eu":       mailgunPhrases,
	"sendgrid": {
		{Code: 451, Text: "maximum credits exceeded", Fault: toAccount, Passes: true, Source: sendgridBalance},
		{Code: 451, Text: "exceeded your messaging limits", Fault: toAccount, Passes: true, Source: sendgridLimits},
	},
	"brevo": {{Code: 502, Text: "not yet activated", Fault: toAccount, Source: brevoInactive}},
	"zoho": {
		// Too many mails of a day; restricted for one to five days, or until the user lifts it.
		{Code: 550, Enhanced: "5.4.6", Fault: toAccount, Passes: true, RetryAfter: 24 * time.Hour, Source: zohoActivity},
		{Code: 554, Enhanced: "5.1.8", Fault: toAccount, Source: zohoBlocked},
	},
	"yahoo": {{Code: 421, Text: "[ts", Fault: toPolicy, RetryAfter: 4 * time.Hour, Source: yahooDeferred}},
}

// Dialect returns what the provider says when a refusal is about the account, a rate or the connection and not about
// the mail; nil when nothing was found. The slice is the caller's own.
func (p Provider) Dialect() outcome.Dialect {
	return append(outcome.Dialect(nil), dialectOf(p.Name, p.Host)...)
}

// dialectOf returns the dialect of a provider, or of the one whose host it is.
func dialectOf(name, host string) outcome.Dialect {
	if name == "" {
		host = strings.ToLower(host)
		for i := range services {
			if services[i].Host == host {
				name = services[i].Name
				break
			}
		}
		if strings.HasPrefix(host, sesHostPrefix) && strings.HasSuffix(host, sesHostSuffix) {
			name = sesPrefix
		}
	}
	if strings.HasPrefix(name, sesPrefix) {
		name = sesPrefix
	}
	return dialects[name]
}
