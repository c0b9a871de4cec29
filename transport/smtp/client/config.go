package client

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
)

// TLSMode says when a connection becomes encrypted. Once TLS is asked for nothing but the greeting,
// EHLO and STARTTLS is ever said in clear: there is no downgrade.
type TLSMode uint8

// The modes. The zero value is the safest.
const (
	// TLSImplicit starts with a handshake, as on port 465 (RFC 8314 section 3.3).
	TLSImplicit TLSMode = iota
	// TLSStartTLS requires STARTTLS before anything else (RFC 3207).
	TLSStartTLS
	// TLSNone never encrypts. Passwords are not sent this way unless Config.InsecureAuth is set.
	TLSNone
	// TLSDangerousOpportunistic uses STARTTLS where it is offered and goes on in clear where it is not,
	// so an attacker on the way can read and change everything by hiding the offer. An offer that fails
	// is still an error.
	TLSDangerousOpportunistic
)

// Config says how to open a connection. It is not changed by this package and may be shared.
type Config struct {
	Network string // for Dial: "tcp" when empty
	Address string // host:port
	// ServerName is the name the certificate must have; the host of Address when empty.
	ServerName string
	TLS        TLSMode
	// TLSConfig is cloned and completed with ServerName and a minimum of TLS 1.2; nil is allowed.
	TLSConfig *tls.Config
	// Pins, if any, are keys of which the server must show one, in a certificate that is valid besides.
	Pins []Pin
	// VerifyConnection may refuse a connection whose certificate is valid. It is asked after everything
	// else, also when a session is resumed.
	VerifyConnection func(tls.ConnectionState) error
	// DangerousMinVersion allows versions of TLS below 1.2 that are known to be broken (RFC 8996).
	DangerousMinVersion uint16
	// HelloName is what the client calls itself. Its zero value is the host's name when that is fully
	// qualified, else the address of the local end.
	HelloName extension.HelloName
	// Credentials log in; the zero value does not.
	Credentials authentication.Credentials
	// Logins remembers rejected secrets for all connections that have it; nil remembers nothing.
	Logins *authentication.RejectedSecrets
	// Mask takes secrets out of what the server says, for all connections that have it; with the zero value each
	// connection has its own.
	Mask authentication.SecretMask
	// InsecureAuth allows mechanisms that show the password, or let a listener guess it, on a connection without TLS.
	InsecureAuth bool
	// LocalAddr is the local end of the connections that the default dialer makes.
	LocalAddr net.Addr
	// Dial replaces the dialer, for proxies and tests. The TLS mode holds over what it returns.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Timeouts has one limit per phase; unset ones have their default.
	Timeouts Timeouts
	// LMTP speaks LMTP (RFC 2033): LHLO, and one verdict per recipient.
	LMTP bool
	// AllOrNothing sends the content only when every recipient was accepted.
	AllOrNothing bool
	// MaxRecipients and MaxSize are how many recipients of one transaction and how many octets of a message the server
	// is known to take, for one that takes less than it offers; 0 means what it offers.
	MaxRecipients int
	MaxSize       int64
	// Without names extensions that are not used although the server offers them.
	Without []extension.Keyword
	// Chunking says whether content may travel by BDAT.
	Chunking Chunking
	// CarefulAfter is a number of mails after which the server is expected to close the connection without
	// a word: the content of the next one is not ended before the server has said something. 0 for none.
	CarefulAfter int
	// Trace is told what happens; see [Event]. Calls are serialised and must not block.
	Trace func(Event)
}

// withDefaults returns c with every choice made.
func (c Config) withDefaults() Config {
	c.Timeouts = c.Timeouts.withDefaults()
	if c.Network == "" {
		c.Network = "tcp"
	}
	return c
}

// Timeouts are the longest that each phase may take. Zero means the default, which is that of
// Postfix and not below RFC 5321 section 4.5.3.2.
type Timeouts struct {
	Dial  time.Duration // connection: 30 s
	TLS   time.Duration // handshake: 30 s
	Reply time.Duration // greeting, EHLO, STARTTLS, AUTH, MAIL and RCPT: 300 s each
	Data  time.Duration // the answer to DATA: 120 s
	Body  time.Duration // each 64 KiB of content: 180 s
	Final time.Duration // the verdict on the content: 600 s. A short one creates duplicates.
	Reset time.Duration // RSET and QUIT: 20 s
}

func (t Timeouts) withDefaults() Timeouts {
	def := func(d *time.Duration, most time.Duration) {
		if *d == 0 {
			*d = most
		}
	}
	def(&t.Dial, 30*time.Second)
	def(&t.TLS, 30*time.Second)
	def(&t.Reply, 5*time.Minute)
	def(&t.Data, 2*time.Minute)
	def(&t.Body, 3*time.Minute)
	def(&t.Final, 10*time.Minute)
	def(&t.Reset, 20*time.Second)
	return t
}

// of returns the limit of a reply.
func (t *Timeouts) of(s step) time.Duration {
	switch s {
	case stepData:
		return t.Data
	case stepFinal:
		return t.Final
	case stepReset, stepQuit:
		return t.Reset
	}
	return t.Reply
}

// serverName is the name that the certificate must have: no certificate has the final dot of a name or the zone of an
// address in it.
func (c *Config) serverName() string {
	if c.ServerName != "" {
		return c.ServerName
	}
	host, _, err := net.SplitHostPort(c.Address)
	if err != nil {
		host = c.Address
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.WithZone("").String()
	}
	return strings.TrimSuffix(host, ".")
}
