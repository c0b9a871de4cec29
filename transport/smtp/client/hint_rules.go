package client

import (
	"errors"

	"github.com/depeche-mail/depeche/transport/outcome"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// rule says what to do in one situation.
type rule struct {
	kind HintKind
	when func(*facts) bool
	say  func(*facts) string
}

func text(s string) func(*facts) string { return func(*facts) string { return s } }

// rules are asked in this order, and the first that fits is the hint. The test table of situations says what each must
// and must not say.
var rules = [...]rule{
	// TLS. A TLSError has a hint of its own; these know more.
	{
		HintTLS,
		func(f *facts) bool { return f.tlsKind(TLSUnknownAuthority) && f.NoRoots },
		text("this machine has no list of trusted authorities: install its CA certificates (package ca-certificates), or set ExtraRoots (tls_roots in a URL)"),
	},
	{
		HintTLS,
		func(f *facts) bool { return f.tlsKind(TLSFailed) && alertIs(f.tls.Err, alertHandshakeFailure) },
		text("client and server have no version, cipher suite or key exchange in common: an old server may have RSA key exchange alone, which GODEBUG=tlsrsakex=1 switches on; ask its operator for ECDHE"),
	},
	{HintCertificate, func(f *facts) bool { return f.tlsKind(TLSClientCertificate) }, text(certificateText)},
	{HintTLS, func(f *facts) bool { return f.tls != nil }, func(f *facts) string { return f.tls.Hint() }},
	{HintCertificate, func(f *facts) bool {
		return f.CertificateAsked && f.in(PhaseTLS, PhaseGreeting, PhaseHello, PhaseAuth, PhaseMail)
	}, text(certificateText)},

	// The connection.
	{HintUnknownHost, func(f *facts) bool { return f.dns != nil && f.dns.IsNotFound && !f.OwnDialer }, text("DNS does not know the host: is it spelled right?")},
	{HintLookup, func(f *facts) bool { return f.dns != nil && !f.OwnDialer }, text("the name could not be looked up: is there a network, and does its DNS work?")},
	{
		HintDialer,
		func(f *facts) bool { return f.in(PhaseDial) && f.OwnDialer },
		text("the Dialer that this program has set, such as a proxy, made no connection: see the cause, and ask there"),
	},
	{
		HintFiltered,
		func(f *facts) bool { return f.in(PhaseDial) && f.limit && f.Port == portSMTP },
		text("nothing answers: many networks block port 25; use StartTLSRelay on port 587 or Relay on port 465"),
	},
	{HintFiltered, func(f *facts) bool { return f.in(PhaseDial) && f.limit }, text("nothing answers: a firewall may drop it, or the host is not the right one")},
	{
		HintNotConnected,
		func(f *facts) bool { return f.in(PhaseDial) && f.Port == "" },
		text("nothing listens at the socket, or this user may not use it: is the path right, and does its server run?"),
	},
	{
		HintNotConnected,
		func(f *facts) bool { return f.in(PhaseDial) },
		text("nothing listens there: is the port right? Mostly it is 465 for smtps (Relay) and 587 for smtp+starttls (StartTLSRelay)"),
	},

	// The greeting.
	{
		HintImplicitTLS,
		func(f *facts) bool {
			return f.in(PhaseGreeting) && !f.refused() && f.Mode != TLSImplicit && (f.TLSWorks || f.Port == portTLS)
		},
		text("the port expects TLS from the first octet: use Relay (smtps)"),
	},
	{
		HintTryLater,
		func(f *facts) bool { return f.in(PhaseGreeting) && f.reply.Code.IsTransient() },
		text("the server takes no connection from here now: try later, with fewer connections (Pool.MaxOpen)"),
	},
	{
		HintGreeting,
		func(f *facts) bool { return f.in(PhaseGreeting) && f.refused() },
		text("the server refuses us before we say a word: a block list, no reverse DNS for our address, or a port that is not for us"),
	},
	{HintSilent, func(f *facts) bool { return f.in(PhaseGreeting) && f.limit }, text("the server says nothing: is it a mail server, and does something on the way hold the connection?")},
	{HintNotMail, func(f *facts) bool { return f.in(PhaseGreeting) }, text("what answers does not speak like a mail server: is the port right?")},

	// EHLO, and the name in it wherever it is refused.
	{HintHello, func(f *facts) bool { return f.helloRefused() }, helloText},
	{HintTryLater, func(f *facts) bool { return f.in(PhaseHello) && f.reply.Code.IsTransient() }, text("the server says that it is a matter of time: try later")},
	{
		HintNotMail,
		func(f *facts) bool {
			return f.in(PhaseHello) && f.code(response.SyntaxError, response.NotImplemented)
		},
		text("the server does not know the command that begins a session: SMTP and LMTP have different ones, so does it speak the other of them?"),
	},
	{HintHello, func(f *facts) bool { return f.in(PhaseHello) && f.refused() }, helloText},

	// The login.
	{
		HintLoginNeeded,
		func(f *facts) bool {
			return f.in(PhaseAuth) && f.code(response.AuthRequired, response.EncryptionRequired) && f.Encrypted
		},
		text("the server asks for encryption although the connection has TLS: something in between ends it, or the server is misconfigured; ask its operator"),
	},
	{
		HintLoginNeedsTLS,
		func(f *facts) bool {
			return f.in(PhaseAuth) && f.code(response.AuthRequired, response.EncryptionRequired)
		},
		text("the server takes a login over TLS alone: use StartTLSRelay (smtp+starttls) or Relay (smtps)"),
	},
	{
		HintLoginRefused,
		func(f *facts) bool {
			return f.loginKind(authentication.KindRejected, authentication.KindRefused) && f.SecretFlaw != ""
		},
		func(f *facts) string {
			return "wrong user or password, and the password " + f.SecretFlaw + ": is that meant?"
		},
	},
	{
		HintHashed,
		func(f *facts) bool {
			return f.loginKind(authentication.KindRejected) && needsClearSecret(f.login.Mechanism) && f.offersPlain()
		},
		func(f *facts) string {
			return "wrong user or password, or the server keeps passwords as hashes with which " + f.login.Mechanism +
				" cannot work: allow PLAIN alone (Credentials.WithMechanisms, or auth=plain in a URL)"
		},
	},
	{
		HintLoginRefused,
		func(f *facts) bool { return f.loginKind(authentication.KindRejected, authentication.KindRefused) },
		text("wrong user or password; many providers want a password made for this purpose, or have logins by SMTP switched off until an administrator allows them"),
	},
	{HintLoginLater, func(f *facts) bool { return f.loginKind(authentication.KindUnavailable) }, text("the server cannot check the login now, or has seen too many: try later")},
	{
		HintNoLoginOffered,
		func(f *facts) bool { return f.loginKind(authentication.KindNotOffered) && !f.Encrypted },
		text("no login is offered without TLS: use StartTLSRelay (smtp+starttls) or Relay (smtps)"),
	},
	{HintNoLoginOffered, func(f *facts) bool { return f.loginKind(authentication.KindNotOffered) }, text("no login is offered here: port 25 mostly has none, 465 and 587 do")},
	{
		HintLoginNeedsTLS,
		func(f *facts) bool {
			return f.loginKind(authentication.KindNeedsTLS) && f.Offers.Has(extension.StartTLS)
		},
		text("the login would show the password, or enough to guess it by, to every listener on the way: the server offers STARTTLS, so use StartTLSRelay (smtp+starttls)"),
	},
	{
		HintLoginNeedsTLS,
		func(f *facts) bool { return f.loginKind(authentication.KindNeedsTLS) },
		text("the login would show the password, or enough to guess it by, to every listener on the way: use Relay (smtps) if the server has a port for it; in a network that no other program can read, DangerousPlaintextAuth sends it all the same"),
	},
	{
		HintNoMechanism,
		func(f *facts) bool {
			return f.loginKind(authentication.KindNoMechanism, authentication.KindTooWeak) && f.offersOnly("NTLM", "GSS", "KERBEROS")
		},
		func(f *facts) string {
			return "the server logs in by " + f.mechanisms() + " alone, for machines of its own domain: ask its operator for another mechanism, or for a relay by address"
		},
	},
	{
		HintNoMechanism,
		func(f *facts) bool {
			return f.loginKind(authentication.KindNoMechanism, authentication.KindTooWeak) && f.offersOnly("XOAUTH2", "OAUTHBEARER")
		},
		func(f *facts) string {
			return "the server logs in by " + f.mechanisms() + " alone: it wants an access token (authentication.Token or TokenFrom), not a password"
		},
	},
	{
		HintNoMechanism,
		func(f *facts) bool { return f.loginKind(authentication.KindNoMechanism, authentication.KindTooWeak) },
		func(f *facts) string {
			return "the server logs in by " + f.mechanisms() + ": other credentials, or other mechanisms (WithMechanisms), may fit"
		},
	},
	{HintNoSecret, func(f *facts) bool { return f.loginKind(authentication.KindNoSecret, authentication.KindAborted) }, text("the password or token could not be had: see the cause")},
	{HintImpostor, func(f *facts) bool { return f.login != nil }, text("the server does not behave as one that knows the password: it is misconfigured, or an impostor")},

	// The mail.
	{
		HintUTF8,
		func(f *facts) bool {
			return f.in(PhaseMessage) && (errors.Is(f.Err, ErrNo8BitMIME) || f.unsupported(extension.SMTPUTF8))
		},
		text("the server takes neither UTF-8 addresses nor 8-bit content: use an ASCII address, or a relay that offers SMTPUTF8 and 8BITMIME"),
	},
	{HintTryLater, func(f *facts) bool {
		return f.in(PhaseMail, PhaseRcpt) && f.reply.Code.IsTransient() && f.fault != outcome.FaultAccount
	}, text("the server says that it is a matter of time: try later")},
	{
		HintLoginNeeded,
		func(f *facts) bool { return f.in(PhaseMail, PhaseRcpt) && f.loginMissing() && f.login == nil },
		text("the server takes no mail without a login: set Login or Credentials"),
	},
	{
		HintQuota,
		func(f *facts) bool {
			return f.in(PhaseMail, PhaseRcpt) && f.fault == outcome.FaultAccount && f.says("limit", "quota", "rate", "5.4.5", "4.4.5")
		},
		text("the account has sent as much as it may for now: see the limits of the provider, and send more slowly (policy.RateLimit)"),
	},
	{
		HintSender,
		func(f *facts) bool {
			return f.in(PhaseMail, PhaseRcpt) && (f.fault == outcome.FaultAccount || f.fault == outcome.FaultSender)
		},
		text("this account may not send as that address, or the address does not exist: send as the account's own, or have its operator allow it"),
	},
	{HintRelay, func(f *facts) bool { return f.in(PhaseRcpt) && f.fault == outcome.FaultRelay && f.says("relay") }, text("the server does not pass mail on to that domain for us: log in, or use the relay that is responsible")},
	{HintRecipient, func(f *facts) bool { return f.in(PhaseRcpt) && f.fault == outcome.FaultRecipient }, text("the recipient that was tried does not exist there: try another one")},
	{HintPolicy, func(f *facts) bool { return f.in(PhaseMail, PhaseRcpt) && f.refused() }, text("a rule of the server refuses this sender, this recipient or where we come from: see what it says")},
}

const (
	portSMTP              = "25"
	alertHandshakeFailure = 40 // RFC 8446 section 6.2
	certificateText       = "the server asks for a client certificate and has none that it knows: set ClientCertificate to one that it accepts"
)

func alertIs(err error, number uint8) bool {
	alert, ok := alertOf(err)
	return ok && alert == number
}

// needsClearSecret reports whether a mechanism works only where the server can derive its own form from the secret.
func needsClearSecret(mechanism string) bool {
	return len(mechanism) > 5 && mechanism[:5] == "SCRAM" || mechanism == "CRAM-MD5"
}

// helloRefused reports whether the name in EHLO was refused, which Postfix says to RCPT (reject_invalid_helo_hostname
// and its like).
func (f *facts) helloRefused() bool {
	return f.refused() && f.in(PhaseHello, PhaseMail, PhaseRcpt) && f.says("helo command rejected", "ehlo command rejected", "invalid helo", "invalid ehlo", "helo name", "fully-qualified hostname")
}

func helloText(f *facts) string {
	if f.HelloName == "" {
		return "the server does not like what we call ourselves, or where we come from: set HelloName (hello in a URL) to the full name of this machine"
	}
	return "the server does not like " + f.HelloName + ", as we call ourselves, or where we come from: set HelloName (hello in a URL) to a full name that DNS knows"
}

// loginMissing reports whether a refusal asks for a login.
func (f *facts) loginMissing() bool {
	return f.fault == outcome.FaultAccount && (f.code(response.AuthRequired) || f.says("authenticat", "log in", "login"))
}
