package client

import (
	"crypto/x509"
	"errors"
	"net"

	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
)

// HintKind is a usual mistake.
type HintKind string

// The kinds of hints about a failure.
const (
	HintUnknownHost    HintKind = "unknown host"       // DNS has no such name
	HintLookup         HintKind = "lookup failed"      // DNS cannot be asked
	HintNotConnected   HintKind = "not connected"      // nothing listens there
	HintFiltered       HintKind = "no answer"          // a firewall, most likely
	HintDialer         HintKind = "dialer"             // the program's own dialer or proxy failed
	HintTLS            HintKind = "TLS"                // see TLSError
	HintImplicitTLS    HintKind = "TLS from the start" // it is expected, and was not done
	HintCertificate    HintKind = "client certificate" // the server asks for one
	HintSilent         HintKind = "silent"             // connected, but nothing is said
	HintNotMail        HintKind = "not a mail server"  // it says something else
	HintGreeting       HintKind = "refused at once"    // before we said who we are
	HintHello          HintKind = "hello refused"      // after we said it
	HintNoLoginOffered HintKind = "login not offered"  // credentials, but no AUTH
	HintLoginNeedsTLS  HintKind = "login without TLS"  // it would show the password
	HintNoMechanism    HintKind = "no common login"    // none of the mechanisms
	HintLoginRefused   HintKind = "login refused"      // the server does not like the credentials
	HintHashed         HintKind = "hashed passwords"   // SCRAM or CRAM-MD5 is refused, PLAIN is offered
	HintLoginLater     HintKind = "login later"        // the server cannot check them now
	HintNoSecret       HintKind = "no secret"          // its source failed
	HintImpostor       HintKind = "server not proven"  // a login that did not go as it must
	HintTryLater       HintKind = "try later"          // the server said so
	HintLoginNeeded    HintKind = "login needed"       // mail is not taken without one
	HintSender         HintKind = "sender refused"     // this account may not send as that address
	HintRelay          HintKind = "relay denied"       // the server does not serve this route
	HintQuota          HintKind = "quota"              // the account has sent too much
	HintRecipient      HintKind = "recipient refused"  // the address that was tried does not exist
	HintPolicy         HintKind = "policy"             // a rule about reputation or content
	HintUTF8           HintKind = "UTF-8 address"      // the server cannot take it
)

// Hint says what to do about a failure. Its zero value means that there is nothing to say.
type Hint struct {
	Kind HintKind
	Text string
}

// Situation is what is known when a session fails: the failure, what was configured, and what the server offers.
type Situation struct {
	Err       error // an *Error
	Mode      TLSMode
	Port      string
	OwnDialer bool // Config.Dial is set
	// PlaintextAuth is Config.InsecureAuth.
	PlaintextAuth bool
	// HelloName is what we called ourselves, "" before that.
	HelloName string
	// Encrypted is true when there is TLS.
	Encrypted bool
	// Offers is what the server offers, as far as it came to that.
	Offers extension.ServerInfo
	// CertificateAsked is true when the server asked for a client certificate and there is none.
	CertificateAsked bool
	// TLSWorks is true when the port was found to expect TLS from the first octet.
	TLSWorks bool
	// NoRoots is true when this machine has no trusted authorities and the configuration brings none.
	NoRoots bool
	// SecretFlaw is what looks wrong with the secret, see authentication.Credentials.SecretFlaw.
	SecretFlaw string
}

// Situation returns what is known about a failure of a session with this configuration.
func (c Config) Situation(failed error) Situation {
	_, port, _ := net.SplitHostPort(c.Address) // a socket has none
	s := Situation{
		Err: failed, Mode: c.TLS, Port: port, OwnDialer: c.Dial != nil, PlaintextAuth: c.InsecureAuth,
		HelloName: c.HelloName.String(), SecretFlaw: c.Credentials.SecretFlaw(),
	}
	if login, ok := errors.AsType[*authentication.Error](failed); ok && login.SecretFlaw != "" { // c may have a source alone
		s.SecretFlaw = login.SecretFlaw
	}
	if c.TLSConfig == nil || c.TLSConfig.RootCAs == nil {
		pool, err := x509.SystemCertPool()
		s.NoRoots = err != nil || pool.Equal(x509.NewCertPool())
	}
	return s
}

// addHints puts the hint into a failure to open the session.
func (c *Conn) addHints(failed *Error) *Error {
	s := c.cfg.Situation(failed)
	s.Encrypted, s.Offers = c.state != nil, c.info
	if s.HelloName == "" && c.helloName != "" {
		s.HelloName = c.helloName
	}
	failed.setHint(s.Hint())
	return failed
}

// Hint finds what to do: the first rule of the table that fits.
func (s Situation) Hint() Hint {
	known, ok := s.facts()
	if !ok {
		return Hint{}
	}
	for i := range rules {
		if r := &rules[i]; r.when(known) {
			return Hint{Kind: r.kind, Text: r.say(known)}
		}
	}
	return Hint{}
}
