package client

import (
	"crypto/x509"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// TLSKind says why no trustworthy TLS connection came about.
type TLSKind uint8

// The kinds of a TLSError. Each ends the connection before a login or mail was said.
const (
	// TLSFailed is a handshake that failed for a reason that has no kind of its own.
	TLSFailed TLSKind = iota
	// TLSWrongName is a certificate of another host; see TLSError.Names.
	TLSWrongName
	// TLSExpired is a certificate, or one of its issuers, whose time is over.
	TLSExpired
	// TLSNotYetValid is a certificate, or one of its issuers, whose time has not come.
	TLSNotYetValid
	// TLSUnknownAuthority is a certificate of an issuer that this machine does not trust.
	TLSUnknownAuthority
	// TLSSelfSigned is a certificate that its own key signed, and that is not among the roots.
	TLSSelfSigned
	// TLSBadCertificate is one that is unusable for another reason, such as not being for servers.
	TLSBadCertificate
	// TLSWrongPin is a valid certificate whose key is not among the pinned ones.
	TLSWrongPin
	// TLSVetoed is a valid certificate that the caller's VerifyConnection refused.
	TLSVetoed
	// TLSTooOld is a server that speaks only versions below the minimum.
	TLSTooOld
	// TLSPlainServer is a server that began in clear where TLS from the first octet was expected.
	TLSPlainServer
	// TLSImplicitServer is the reverse: nothing came in clear on a port for TLS from the first octet.
	TLSImplicitServer
	// TLSNotOffered is a server without STARTTLS, or an attacker on the way who hid the offer.
	TLSNotOffered
	// TLSRefused is a server that offered STARTTLS and then refused it.
	TLSRefused
	// TLSInjected means that octets in clear followed the go-ahead for the handshake.
	TLSInjected
	// TLSClientCertificate is a server that wants a client certificate, or another one.
	TLSClientCertificate
	// TLSInterrupted is a connection that was lost in the handshake. Only this kind may pass by itself.
	TLSInterrupted
)

// kinds have what happened and what to do about it.
var kinds = [...]struct{ name, hint string }{
	TLSFailed:      {"handshake failed", "the server may lack modern versions or cipher suites; ask its operator"},
	TLSWrongName:   {"certificate for another name", "use one of these names as the host, or set TLSConfig.ServerName (tls_name in a URL) to the one you trust"},
	TLSExpired:     {"certificate expired", "the operator of the server must renew it; check the clock of this machine too"},
	TLSNotYetValid: {"certificate not yet valid", "check the clock of this machine"},
	TLSSelfSigned:  {"self-signed certificate", "add it to the roots if you know that it is the right one (ExtraRoots, or tls_roots in a URL)"},
	TLSBadCertificate: {
		"unusable certificate", "the operator of the server must replace it",
	},
	TLSUnknownAuthority: {
		"certificate of an unknown authority",
		"add the authority to the roots (ExtraRoots, or tls_roots in a URL), or let the server send its intermediate certificates",
	},
	TLSWrongPin: {"key is not pinned", "an attacker may be on the way; if the server has a new key, pin that"},
	TLSVetoed:   {"refused by VerifyConnection", "see the cause"},
	TLSTooOld: {
		"server speaks only old versions of TLS",
		"the operator of the server must enable TLS 1.2 or later; DangerousMinVersion is the way round for a server that cannot be changed",
	},
	TLSPlainServer: {
		"server speaks in clear on a connection that should begin with TLS",
		"use StartTLSRelay (smtp+starttls), mostly on port 587, or the port for TLS, mostly 465",
	},
	TLSImplicitServer: {
		"server says nothing in clear on a port for TLS from the first octet", "use Relay (smtps) on port 465",
	},
	TLSNotOffered: {
		"STARTTLS not offered",
		"an attacker on the way may hide it; try TLS from the first octet: Relay (smtps), mostly on port 465",
	},
	TLSRefused: {"STARTTLS refused", "the server has a problem with its TLS; try Relay (smtps), mostly on port 465"},
	TLSInjected: {
		"octets before the handshake", "an attacker on the way may put words into the server's mouth; use Relay (smtps)",
	},
	TLSClientCertificate: {
		"server does not accept us without another client certificate", "set ClientCertificate to one that the server knows",
	},
	TLSInterrupted: {"connection lost in the handshake", "try again; if it stays so, see whether this port speaks TLS"},
}

// String returns the kind in words.
func (k TLSKind) String() string {
	if int(k) < len(kinds) {
		return kinds[k].name
	}
	return "TLSKind(" + strconv.Itoa(int(k)) + ")"
}

// TLSError says that no trustworthy TLS connection came about, and why. Nothing but a greeting, EHLO
// and STARTTLS was said. errors.Is and errors.As see through it to the cause.
type TLSError struct {
	Kind TLSKind
	// ServerName is the name that the certificate should have.
	ServerName string
	// Certificate is the one that was judged: the server's, or its issuer where that is at fault. Nil
	// where none came.
	Certificate *x509.Certificate
	// Err is the cause, such as a *tls.CertificateVerificationError or x509.HostnameError.
	Err error

	hint string // what is known beyond the kind
}

// Error tells what is wrong and what to do.
func (e *TLSError) Error() string { return e.short() + "; " + e.Hint() }

// short tells what is wrong.
func (e *TLSError) short() string {
	text := "TLS: " + e.Kind.String()
	if detail := e.detail(); detail != "" {
		text += ": " + detail
	}
	return text
}

// detail is what the kind does not say.
func (e *TLSError) detail() string {
	cert := e.Certificate
	switch {
	case cert != nil && e.Kind == TLSWrongName:
		return fmt.Sprintf("want %s, it has %s", quote(e.ServerName), quoteAll(e.Names()))
	case cert != nil && e.Kind == TLSExpired:
		return "on " + cert.NotAfter.UTC().Format(time.RFC3339)
	case cert != nil && e.Kind == TLSNotYetValid:
		return "before " + cert.NotBefore.UTC().Format(time.RFC3339)
	case cert != nil && (e.Kind == TLSUnknownAuthority || e.Kind == TLSSelfSigned):
		return "issued by " + quote(cert.Issuer.String())
	case cert != nil && e.Kind == TLSWrongPin:
		return PinOf(cert).String()
	case e.Kind == TLSNotOffered, e.Kind == TLSRefused, e.Kind == TLSInjected, e.Err == nil:
		return ""
	}
	return e.Err.Error()
}

// Hint says what to do.
func (e *TLSError) Hint() string {
	if e.hint != "" {
		return e.hint
	}
	if int(e.Kind) < len(kinds) {
		return kinds[e.Kind].hint
	}
	return "see the cause"
}

// Names returns the DNS names and IP addresses of the certificate. The common name is not one of them (RFC
// 9525 section 2).
func (e *TLSError) Names() []string {
	if e.Certificate == nil {
		return nil
	}
	names := append([]string(nil), e.Certificate.DNSNames...)
	for _, ip := range e.Certificate.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

// Temporary reports whether a later attempt may succeed with nothing changed.
func (e *TLSError) Temporary() bool { return e.Kind == TLSInterrupted }

// Unwrap returns the cause.
func (e *TLSError) Unwrap() error { return e.Err }

// The maker of the certificate chose what is in it, so texts show only so much of it.
const (
	mostNames = 8
	mostName  = 100
)

func quote(s string) string {
	if len(s) > mostName {
		return strconv.QuoteToASCII(s[:mostName]) + "..."
	}
	return strconv.QuoteToASCII(s)
}

func quoteAll(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	var list []string
	for _, name := range names[:min(len(names), mostNames)] {
		list = append(list, quote(name))
	}
	if more := len(names) - mostNames; more > 0 {
		list = append(list, strconv.Itoa(more)+" more")
	}
	return strings.Join(list, ", ")
}
