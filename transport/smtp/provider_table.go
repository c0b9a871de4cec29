package smtp

import (
	"time"

	"github.com/depeche-mail/depeche/transport/smtp/client"
)

const (
	implicit = client.TLSImplicit
	starttls = client.TLSStartTLS
	mega     = 1000 * 1000 // what providers call a megabyte may be 5 % more
)

// read is the day on which the sources were read: copies of them, and quotations for gmail,
// google-workspace and outlook365.
var read = time.Date(2026, time.November, 25, 0, 0, 0, 0, time.UTC)

// readLater is the day of those that came later.
var readLater = time.Date(2026, time.November, 28, 0, 0, 0, 0, time.UTC)

// services are the presets. TLS from the first octet is preferred where it is offered (RFC 8314 section
// 3.3). A limit is here only if the provider's own page says it.
var services = []Provider{
	{Name: "brevo", Host: "smtp-relay.brevo.com", Port: PortTLS, TLS: implicit, Limits: Limits{
		Source: "https://developers.brevo.com/docs/smtp-integration", AsOf: read,
	}},
	{Name: "fastmail", Host: "smtp.fastmail.com", Port: PortTLS, TLS: implicit, Limits: Limits{
		Source: "https://www.fastmail.com/help/technical/servernamesandports.html", AsOf: read,
	}},
	{Name: "gmail", Host: "smtp.gmail.com", Port: PortTLS, TLS: implicit, Limits: Limits{
		Recipients: 100,
		Source:     "https://support.google.com/a/answer/166852", AsOf: read,
	}},
	{Name: "google-workspace", Host: "smtp.gmail.com", Port: PortTLS, TLS: implicit, Limits: Limits{
		PerDay: 2000, Recipients: 100, RcptPerDay: 10_000,
		Source: "https://support.google.com/a/answer/166852", AsOf: read,
	}},
	{Name: "icloud", Host: "smtp.mail.me.com", Port: PortSubmission, TLS: starttls, Limits: Limits{
		PerDay: 1000, Recipients: 500, RcptPerDay: 1000, Size: 20 * mega,
		Source: "https://support.apple.com/en-ca/102198", AsOf: read,
	}},
	{Name: "mailgun", Host: "smtp.mailgun.org", Port: PortTLS, TLS: implicit, Limits: Limits{
		Size:   25 * mega,
		Source: "https://documentation.mailgun.com/en/latest/api-sending.html", AsOf: read,
	}},
	{Name: "mailgun-eu", Host: "smtp.eu.mailgun.org", Port: PortTLS, TLS: implicit, Limits: Limits{
		Size:   25 * mega,
		Source: "https://documentation.mailgun.com/en/latest/api-sending.html", AsOf: read,
	}},
	{Name: "outlook365", Host: "smtp.office365.com", Port: PortSubmission, TLS: starttls, Limits: Limits{
		Connections: 3, PerMinute: 30, RcptPerDay: 10_000,
		Source: "https://learn.microsoft.com/en-us/exchange/troubleshoot/send-emails/smtp-submission-improvements", AsOf: read,
	}},
	{Name: "postmark", Host: "smtp.postmarkapp.com", Port: PortSubmission, TLS: starttls, Limits: Limits{
		Recipients: 50, Size: 10 * mega,
		Source: "https://postmarkapp.com/developer", AsOf: read,
	}},
	{Name: "postmark-broadcast", Host: "smtp-broadcasts.postmarkapp.com", Port: PortSubmission, TLS: starttls, Limits: Limits{
		Recipients: 50, Size: 10 * mega,
		Source: "https://postmarkapp.com/developer", AsOf: read,
	}},
	{Name: "resend", Host: "smtp.resend.com", Port: PortTLS, TLS: implicit, User: "resend", Limits: Limits{
		Source: "https://resend.com/docs/send-with-smtp", AsOf: read,
	}},
	{Name: "sendgrid", Host: "smtp.sendgrid.net", Port: PortTLS, TLS: implicit, User: "apikey", Limits: Limits{
		Connections: 10_000, PerSession: 5000,
		Source: "https://www.twilio.com/docs/sendgrid/for-developers/sending-email/integrating-with-the-smtp-api", AsOf: read,
	}},
	ses("us-east-1"),
	{Name: "smtp2go", Host: "mail.smtp2go.com", Port: PortTLS, TLS: implicit, Limits: Limits{
		Source: "https://developers.smtp2go.com/docs/smtp-relay", AsOf: read,
	}},
	{Name: "sparkpost", Host: "smtp.sparkpostmail.com", Port: PortSubmission, TLS: starttls, User: "SMTP_Injection", Limits: Limits{
		Connections: 10, PerSession: 100,
		Source: "https://support.sparkpost.com/docs/tech-resources/smtp-rest-api-performance", AsOf: read,
	}},
	{Name: "sparkpost-eu", Host: "smtp.eu.sparkpostmail.com", Port: PortSubmission, TLS: starttls, User: "SMTP_Injection", Limits: Limits{
		Connections: 10, PerSession: 100,
		Source: "https://support.sparkpost.com/docs/tech-resources/smtp-rest-api-performance", AsOf: read,
	}},
	// The messages of a day and the recipients of one are on the page SLN17655 of the same help.
	{Name: "yahoo", Host: "smtp.mail.yahoo.com", Port: PortTLS, TLS: implicit, Limits: Limits{
		PerSession: 20, PerDay: 500, Recipients: 100,
		Source: "https://help.yahoo.com/kb/SLN3433.html", AsOf: readLater,
	}},
	{Name: "zoho", Host: "smtp.zoho.com", Port: PortTLS, TLS: implicit, Limits: Limits{
		Source: "https://blog.fgrade.com/zoho-workplace/smtp-server", AsOf: readLater,
	}},
}

const (
	sesHostPrefix = "email-smtp."
	sesHostSuffix = ".amazonaws.com"
)

// ses is Amazon SES in a region. Its rate is agreed with each customer.
func ses(region string) Provider {
	return Provider{
		Name: "ses-" + region, Host: sesHostPrefix + region + sesHostSuffix, Port: PortTLS, TLS: implicit,
		Limits: Limits{
			Recipients: 50, Size: 40 * mega, Idle: 10 * time.Second, // Idle is what customers saw: juhasev/laravel-ses#15, jstedfast/MailKit#1581
			Source: "https://docs.aws.amazon.com/ses/latest/dg/quotas.html", AsOf: read,
		},
	}
}
