package diagnose

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
)

// HintKind is a usual mistake, or something that will become one.
type HintKind string

// The kinds of hints.
const (
	HintUnknownHost    HintKind = "unknown host"        // DNS has no such name
	HintLookup         HintKind = "lookup failed"       // DNS cannot be asked
	HintNotConnected   HintKind = "not connected"       // nothing listens there
	HintFiltered       HintKind = "no answer"           // a firewall, most likely
	HintTLS            HintKind = "TLS"                 // see client.TLSError
	HintImplicitTLS    HintKind = "TLS from the start"  // it is expected, and was not done
	HintCertificate    HintKind = "client certificate"  // the server asks for one
	HintSilent         HintKind = "silent"              // connected, but nothing is said
	HintNotMail        HintKind = "not a mail server"   // it says something else
	HintGreeting       HintKind = "refused at once"     // before we said who we are
	HintHello          HintKind = "hello refused"       // after we said it
	HintHelloName      HintKind = "hello name"          // we have no name that others know
	HintNoLoginOffered HintKind = "login not offered"   // credentials, but no AUTH
	HintLoginNeedsTLS  HintKind = "login without TLS"   // it would show the password
	HintNoMechanism    HintKind = "no common login"     // none of the mechanisms
	HintLoginRefused   HintKind = "login refused"       // the server does not like the credentials
	HintLoginLater     HintKind = "login later"         // the server cannot check them now
	HintNoSecret       HintKind = "no secret"           // its source failed
	HintImpostor       HintKind = "server not proven"   // a login that did not go as it must
	HintNoLogin        HintKind = "no login"            // AUTH, but no credentials
	HintUnencrypted    HintKind = "not encrypted"       // although the server could
	HintExpiresSoon    HintKind = "certificate expires" // in less than two weeks
	HintSlow           HintKind = "slow"                // a round trip for each command
	HintTryLater       HintKind = "try later"           // the server said so
)

// Hint says what to do about something that Run has seen.
type Hint struct {
	Kind HintKind
	Text string
}

func (c *check) hint(kind HintKind, text string) {
	c.report.Hints = append(c.report.Hints, Hint{kind, text})
}

// advise draws conclusions.
func (c *check) advise() {
	if errors.Is(c.report.Err, context.Canceled) { // the caller does not wait any longer
		return
	}
	if failed, ok := errors.AsType[*client.Error](c.report.Err); ok {
		c.adviseFailure(failed)
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
	if c.sayAddress() {
		c.hint(HintHelloName, "this machine has no full name, so we say its address in EHLO; some relays refuse that: set HelloName (hello in a URL)")
	}
}

// sayAddress reports whether we named our address in EHLO for want of a name.
func (c *check) sayAddress() bool {
	for _, e := range c.events {
		if e.Kind == client.EventCommand && strings.HasPrefix(e.Text, "EHLO [") {
			return c.config.HelloName.IsZero()
		}
	}
	return false
}

func (c *check) adviseFailure(failed *client.Error) {
	if fault, ok := errors.AsType[*client.TLSError](failed); ok {
		c.hint(HintTLS, fault.Hint())
		return
	}
	switch {
	case c.asked:
		c.hint(HintCertificate, "the server asks for a client certificate and there is none: set ClientCertificate to one that it knows")
	case failed.Response.Code.IsTransient():
		c.hint(HintTryLater, "the server says that it is a matter of time")
	case c.implicit:
		c.hint(HintImplicitTLS, "the port expects TLS from the first octet: use Relay (smtps)")
	}
	switch failed.Phase {
	case client.PhaseDial:
		c.adviseDial(failed)
	case client.PhaseGreeting:
		c.adviseGreeting(failed)
	case client.PhaseHello:
		if !failed.Response.IsZero() {
			c.hint(HintHello, "the server does not like what we call ourselves, or where we come from: set HelloName (hello in a URL) to the full name of this machine")
		}
	case client.PhaseAuth:
		c.adviseLogin(failed)
	}
}

func (c *check) adviseDial(failed *client.Error) {
	if missing, ok := errors.AsType[*net.DNSError](failed); ok {
		if missing.IsNotFound {
			c.hint(HintUnknownHost, "DNS does not know the host: is it spelled right?")
		} else {
			c.hint(HintLookup, "the name could not be looked up: is there a network, and does its DNS work?")
		}
		return
	}
	var network net.Error
	if errors.As(failed, &network) && network.Timeout() {
		c.hint(HintFiltered, "nothing answers: a firewall may drop it; many networks block port 25 and leave 465 and 587 open")
		return
	}
	c.hint(HintNotConnected, "nothing listens there: is the port right? Mostly it is 465 for smtps and 587 for smtp+starttls")
}

func (c *check) adviseGreeting(failed *client.Error) {
	if !failed.Response.IsZero() {
		c.hint(HintGreeting, "the server refuses us before we say a word: too many connections, a block list, or no reverse DNS for our address")
		return
	}
	if c.implicit {
		return
	}
	var network net.Error
	if errors.As(failed, &network) && network.Timeout() {
		c.hint(HintSilent, "the server says nothing: is it a mail server, and does something on the way hold the connection?")
		return
	}
	c.hint(HintNotMail, "what answers does not speak like a mail server: is the port right?")
}

func (c *check) adviseLogin(failed *client.Error) {
	login, ok := errors.AsType[*authentication.Error](failed)
	if !ok { // the connection was lost
		return
	}
	switch login.Kind {
	case authentication.Rejected, authentication.Refused:
		c.hint(HintLoginRefused, "wrong user or password; many providers want a password made for this purpose, or have logins by SMTP switched off until an administrator allows them")
	case authentication.Unavailable:
		c.hint(HintLoginLater, "the server cannot check the login now, or has seen too many")
	case authentication.NotOffered:
		if c.report.TLS == nil {
			c.hint(HintNoLoginOffered, "no login is offered without TLS: use StartTLSRelay (smtp+starttls) or Relay (smtps)")
			return
		}
		c.hint(HintNoLoginOffered, "no login is offered here: port 25 mostly has none, 465 and 587 do")
	case authentication.NeedsTLS:
		c.hint(HintLoginNeedsTLS, "the login would show the password to every listener on the way: use StartTLSRelay (smtp+starttls) or Relay (smtps)")
	case authentication.NoMechanism, authentication.TooWeak:
		c.hint(HintNoMechanism, "the server logs in by "+strings.Join(c.report.Mechanisms, " ")+" alone: other credentials may fit, a token for instance (Login)")
	case authentication.NoSecret, authentication.Aborted:
		c.hint(HintNoSecret, "the password or token could not be had: see the cause")
	default:
		c.hint(HintImpostor, "the server does not behave as one that knows the password: it is misconfigured, or an impostor")
	}
}
