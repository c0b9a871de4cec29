package smtptest

// dialects are the words of servers and providers by name. Each has the public page or report in which they were read;
// what none of them says is left to the words of this package.
var dialects = map[string]Dialect{
	// Postfix 3.11, src/smtpd/smtpd.c.
	"postfix": {
		Connections: Refusal{At: Greeting, Reply: "421 4.7.0 {host} Error: too many connections from 127.0.0.1", Close: true},
		Rate:        Refusal{At: Mail, Reply: "450 4.7.1 Error: too much mail from 127.0.0.1"},
		Idle:        Refusal{Reply: "421 4.4.2 {host} Error: timeout exceeded"},
		Errors:      Refusal{Reply: "421 4.7.0 {host} Error: too many errors", Close: true},
	},
	// https://support.google.com/a/answer/3726730
	"gmail": {
		Connections: Refusal{At: Greeting, Reply: "421 4.7.0 Try again later, closing connection. - gsmtp", Close: true},
		Rate:        Refusal{At: Mail, Reply: "450 4.2.1 Peak SMTP relay limit exceeded for customer. - gsmtp"},
		Day:         Refusal{At: Mail, Reply: "550 5.4.5 Daily user sending limit exceeded. - gsmtp"},
		Domain:      Refusal{At: Rcpt, Reply: "450 4.2.1 The user you are trying to contact is receiving mail too quickly. - gsmtp"},
		Idle:        Refusal{Reply: "451 4.4.2 Timeout - closing connection. - gsmtp"},
	},
	// https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas-errors.html and troubleshoot-smtp.html;
	// https://github.com/jstedfast/MailKit/issues/1581 for the idle time of some seconds.
	"ses": {
		Connections: Refusal{At: Greeting, Reply: "421 Too many concurrent SMTP connections", Close: true},
		Rate:        Refusal{At: End, Reply: "454 Throttling failure: Maximum sending rate exceeded."},
		Day:         Refusal{At: End, Reply: "454 Throttling failure: Daily message quota exceeded."},
		Idle:        Refusal{Reply: "451 4.4.2 Timeout waiting for data from client."},
	},
	// https://learn.microsoft.com/en-us/exchange/troubleshoot/send-emails/smtp-submission-improvements; a rate that is
	// exceeded delays. https://github.com/sabuhish/fastapi-mail/issues/75 for the point at which 432 comes.
	"outlook365": {
		Connections: Refusal{At: End, Reply: "432 4.3.2 Concurrent connections limit exceeded."},
		Rate:        Refusal{At: End},
		Day: Refusal{
			At: End, Reply: "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to process message",
		},
	},
	// https://github.com/coopdevs/timeoverflow/issues/820, https://github.com/pivorakmeetup/pivorak-web-app/issues/711
	"mailgun": {
		Rate: Refusal{At: Data, Reply: "554 Your account is on probation and domains are limited to 100 messages / hour. Account will be enabled in 341 seconds"},
		Day:  Refusal{At: Data, Reply: "421 Domain {host} is not allowed to send: recipient limit exceeded, try again after 12 hours", Close: true},
	},
	// https://github.com/mautic/mautic/issues/8721, https://github.com/WA-WF-Bot/WA-WF-Bot-Public/issues/282
	"sendgrid": {
		Day: Refusal{At: Mail, Reply: "451 You've exceeded your messaging limits"},
	},
	// https://help.zoho.com/portal/en/community/topic/unable-to-send-message-reason-550-5-4-6-unusual-sending-activity-detected
	"zoho": {
		Day: Refusal{At: End, Reply: "550 5.4.6 Unusual sending activity detected."},
	},
	// https://help.yahoo.com/kb/SLN3433.html: after 20 messages without a word;
	// https://secuserve.zammad.com/help/en-us/5-f-a-q/397-deferred-yahoo-said-421-4-7-0-tss04
	"yahoo": {
		Session: Refusal{At: Mail, Close: true},
		Rate:    Refusal{At: Mail, Reply: "421 4.7.0 [TSS04] Messages from 127.0.0.1 temporarily deferred due to unexpected volume or user complaints", Close: true},
	},
}
