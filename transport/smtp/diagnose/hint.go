package diagnose

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
)

// HintKind is a usual mistake, or something that will become one.
type HintKind = client.HintKind

// The kinds of hints about a failure, as package client has them: its errors bring the same hint.
const (
	HintUnknownHost    = client.HintUnknownHost    // DNS has no such name
	HintLookup         = client.HintLookup         // DNS cannot be asked
	HintNotConnected   = client.HintNotConnected   // nothing listens there
	HintFiltered       = client.HintFiltered       // a firewall, most likely
	HintDialer         = client.HintDialer         // the program's own dialer or proxy failed
	HintTLS            = client.HintTLS            // see TLSError
	HintImplicitTLS    = client.HintImplicitTLS    // it is expected, and was not done
	HintCertificate    = client.HintCertificate    // the server asks for one
	HintSilent         = client.HintSilent         // connected, but nothing is said
	HintNotMail        = client.HintNotMail        // it says something else
	HintGreeting       = client.HintGreeting       // before we said who we are
	HintHello          = client.HintHello          // after we said it
	HintNoLoginOffered = client.HintNoLoginOffered // credentials, but no AUTH
	HintLoginNeedsTLS  = client.HintLoginNeedsTLS  // it would show the password
	HintNoMechanism    = client.HintNoMechanism    // none of the mechanisms
	HintLoginRefused   = client.HintLoginRefused   // the server does not like the credentials
	HintHashed         = client.HintHashed         // SCRAM or CRAM-MD5 is refused, PLAIN is offered
	HintLoginLater     = client.HintLoginLater     // the server cannot check them now
	HintNoSecret       = client.HintNoSecret       // its source failed
	HintImpostor       = client.HintImpostor       // a login that did not go as it must
	HintTryLater       = client.HintTryLater       // the server said so
	HintLoginNeeded    = client.HintLoginNeeded    // mail is not taken without one
	HintSender         = client.HintSender         // this account may not send as that address
	HintRelay          = client.HintRelay          // the server does not serve this route
	HintQuota          = client.HintQuota          // the account has sent too much
	HintRecipient      = client.HintRecipient      // the address that was tried does not exist
	HintPolicy         = client.HintPolicy         // a rule about reputation or content
	HintUTF8           = client.HintUTF8           // the server cannot take it
)

// The kinds of hints about a session that works.
const (
	HintHelloName   HintKind = "hello name"          // we have no name that others know
	HintNoLogin     HintKind = "no login"            // AUTH, but no credentials
	HintUnencrypted HintKind = "not encrypted"       // although the server could
	HintExpiresSoon HintKind = "certificate expires" // in less than two weeks
	HintSlow        HintKind = "slow"                // a round trip for each command
	HintPipelining  HintKind = "pipelining"          // it is offered, and does not work
	HintChunking    HintKind = "chunking"            // it is offered, and does not work
)

// Hint says what to do about something that Run has seen.
type Hint = client.Hint

func (c *check) hint(kind HintKind, text string) {
	c.report.Hints = append(c.report.Hints, Hint{Kind: kind, Text: text})
}

// addHints adds what follows from the report to it.
func (c *check) addHints() {
	if errors.Is(c.report.Err, context.Canceled) { // the caller does not wait any longer
		return
	}
	if failed, ok := errors.AsType[*client.Error](c.report.Err); ok {
		c.addFailureHint(failed)
		return
	}
	r := c.report
	if c.config.Credentials.IsZero() && len(r.Mechanisms) > 0 {
		c.hint(HintNoLogin, "the server offers a login and there are no Credentials: most relays take mail for others only after a login")
	}
	if r.TLS == nil && c.offered(extension.StartTLS) {
		c.hint(HintUnencrypted, "the server offers STARTTLS: use StartTLSRelay (smtp+starttls)")
	}
	if r.TLS != nil && time.Until(r.TLS.NotAfter) < 14*24*time.Hour {
		c.hint(HintExpiresSoon, "the certificate expires on "+r.TLS.NotAfter.UTC().Format(time.RFC3339)+": from then on nothing is sent")
	}
	if !c.offered(extension.Pipelining) {
		c.hint(HintSlow, "the server does not offer PIPELINING: each command takes a round trip; a pool of several connections helps")
	}
	if c.found.PipeliningBroken {
		c.hint(HintPipelining, "the server offers PIPELINING and does not understand commands that are sent together: the first mail takes longer; DisableExtensions(extension.Pipelining) saves that")
	}
	if c.found.ChunkingUnsafe {
		c.hint(HintChunking, "the server offers CHUNKING and does not take BDAT as RFC 3030 has it: mail goes by DATA")
	}
	if c.usedAddressLiteral() {
		c.hint(HintHelloName, "this machine has no full name, so we say its address in EHLO; some relays refuse that: set HelloName (hello in a URL)")
	}
}

// usedAddressLiteral reports whether EHLO carried an address literal because the host has no full name.
func (c *check) usedAddressLiteral() bool {
	for _, e := range c.events {
		if e.Kind == client.EventCommand && strings.HasPrefix(e.Text, "EHLO [") {
			return c.config.HelloName.IsZero()
		}
	}
	return false
}

// addFailureHint asks the table of package client, with what was found out beside the failure.
func (c *check) addFailureHint(failed *client.Error) {
	s := c.config.Situation(failed)
	s.CertificateAsked, s.TLSWorks, s.Encrypted, s.Offers = c.asked, c.implicit, c.report.TLS != nil, c.info
	if s.HelloName == "" {
		s.HelloName = c.saidName()
	}
	if h := s.Hint(); h.Kind != "" {
		c.report.Hints = append(c.report.Hints, h)
	}
}

// saidName returns what we called ourselves in EHLO, "" before that.
func (c *check) saidName() string {
	for _, e := range c.events {
		if name, ok := strings.CutPrefix(e.Text, "EHLO "); ok && e.Kind == client.EventCommand {
			return name
		}
	}
	return ""
}
