package smtptest

import (
	"crypto/tls"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Protocol is what a server speaks.
type Protocol uint8

// The protocols.
const (
	SMTP Protocol = iota
	LMTP          // RFC 2033: LHLO, and one reply per recipient after the content
)

// Security is how a server comes to TLS.
type Security uint8

// The ways to TLS.
const (
	STARTTLS    Security = iota // offered in the reply to EHLO
	ImplicitTLS                 // from the first octet
	Plaintext                   // never; AUTH is offered without it
)

// User and Password are the account of a server whose [Config.Users] is nil.
const (
	User     = "user@example.org"
	Password = "correct horse battery staple"
)

// defaultMaxSize is what a server takes when nothing was said: more than relays use to allow.
const defaultMaxSize = 64 << 20

// Config says how a server behaves. The zero value is a server that does everything right. It must
// not be changed after the start; [Server.Use] changes hooks later.
type Config struct {
	// Network is "tcp" (default), "unix" or "memory". A server in memory is reached by [Server.Dial] alone; it may be
	// used in a bubble of testing/synctest, where the time of limits and pauses costs nothing.
	Network  string
	Address  string // default: a free port of 127.0.0.1, or a socket in a new folder
	Protocol Protocol
	Security Security

	// Hostname is the name in the greeting; default "localhost".
	Hostname string
	// Extensions are the lines of the reply to EHLO, besides STARTTLS and AUTH, which the server adds
	// where they belong. Default: [DefaultExtensions].
	Extensions []string
	// Hello replaces all lines of the reply to EHLO after the first, as they are, by phase.
	Hello Capabilities

	// Certificate is the kind of certificate; default one that [Server.CertPool] verifies.
	Certificate Certificate
	// CertificateNames are its DNS names and addresses; default Hostname, localhost and the loopback
	// addresses.
	CertificateNames []string
	// CertificateLifetime is how long the certificate and its authority are valid; default two hours.
	CertificateLifetime time.Duration
	// TLS is cloned and completed by the certificate: versions, client certificates, suites.
	TLS *tls.Config

	// Users are passwords (or bearer tokens) by user; default [User] and [Password].
	Users map[string]string
	// Mechanisms are the SASL mechanisms by name; default [DefaultMechanisms].
	Mechanisms map[string]Mechanism
	// RequireAuth refuses MAIL with 530 until a user is known, RequireTLS until there is TLS.
	RequireAuth, RequireTLS bool

	// MaxSize is the greatest message in octets; 0 is 64 MiB, negative for no limit.
	MaxSize int64
	// MaxRecipients per transaction; the next is answered 452. 0 for no limit.
	MaxRecipients int

	// RefuseAhead answers 503 to commands that come before the reply to the content of DATA before them, and does not run them, as
	// Haraka 3.3.4 does. RFC 2920 section 3.1 allows such commands.
	RefuseAhead bool

	// Linger is how long the server waits for more input before it sends its replies. A test that
	// counts round trips of flights beyond one segment sets it to some milliseconds.
	Linger time.Duration
	// Receive, if set, is given each message before the server's own reply to its end, when that is positive, be it
	// said or lost ([Accept]); for LMTP once per recipient, with that one alone. An error is answered 451. It is
	// called by the goroutines of the sessions, so by several at the same time, and owns the message.
	Receive func(Message) error
	// Forget keeps no record of what is over, for servers that live long: what [Server.Sessions],
	// [Server.Messages] and [Server.Violations] say is then empty, and content beyond MaxSize is not held.
	Forget bool
	// IdleTimeout closes a connection whose client says nothing for that long, with the words of Dialect if it has
	// some; 0 is never.
	IdleTimeout time.Duration
	// MaxConnections is how many connections may be open; the next is refused, by 421 unless Dialect says otherwise.
	// 0 for no limit.
	MaxConnections int
	// Throttle is how much the server takes before it refuses.
	Throttle Throttle
	// Errors is how many errors a connection may make; [PostfixErrors] are those that Postfix allows.
	Errors ErrorBudget
	// Dialect has the words for what MaxConnections, IdleTimeout, Throttle and Errors refuse.
	Dialect Dialect
	// Clock is the time that Throttle goes by; default time.Now.
	Clock func() time.Time

	// DiscardContent counts the content and does not keep it, for messages of gigabytes.
	DiscardContent bool

	// Hooks are asked in order before each reply; the first that has an action decides.
	Hooks []Hook
	// Dialogue, if set, is played on each connection instead of SMTP, line by line:
	//
	//	S: text   the server says a line
	//	S~ text   the server says octets, with the escapes of Go strings and no line end
	//	C: text   the client must say exactly this line
	//	C? text   the client must say a line that begins so
	//	* tls     the handshake; also close, cut (without close_notify), reset, silence
	//
	// At the end the client must go. What it did otherwise is in [Server.Violations]; hooks are asked
	// at Handshake and Secured alone.
	Dialogue string
}

// Capabilities are lines of the reply to EHLO by phase. A nil phase follows [Config.Extensions], an
// empty one offers nothing.
type Capabilities struct {
	Plain         []string // before TLS
	TLS           []string // after TLS, before AUTH
	Authenticated []string
}

// DefaultExtensions returns the lines that a server offers without being told, in a new slice. SIZE
// without a number takes the one of [Config.MaxSize]; REQUIRETLS is left out without TLS.
func DefaultExtensions() []string {
	return []string{
		"PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "CHUNKING", "BINARYMIME", "DSN", "ENHANCEDSTATUSCODES",
		"DELIVERBY", "FUTURERELEASE 604800 2100-01-01T00:00:00Z", "MT-PRIORITY MIXER", "REQUIRETLS", "VRFY", "HELP",
	}
}

// Without returns [DefaultExtensions] without the ones that have these keywords.
func Without(keywords ...string) []string {
	return slices.DeleteFunc(DefaultExtensions(), func(line string) bool {
		keyword, _, _ := strings.Cut(line, " ")
		return slices.Contains(keywords, keyword)
	})
}

// withDefaults fills in what was not said.
func (c Config) withDefaults() Config {
	if c.Network == "" {
		c.Network = "tcp"
	}
	if c.Hostname == "" {
		c.Hostname = "localhost"
	}
	if c.Extensions == nil {
		c.Extensions = DefaultExtensions()
	}
	if c.CertificateNames == nil {
		c.CertificateNames = []string{c.Hostname, "localhost", "127.0.0.1", "::1"}
	}
	if c.Users == nil {
		c.Users = map[string]string{User: Password}
	}
	if c.Mechanisms == nil {
		c.Mechanisms = DefaultMechanisms()
	}
	if c.CertificateLifetime == 0 {
		c.CertificateLifetime = 2 * time.Hour
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.MaxSize == 0 {
		c.MaxSize = defaultMaxSize
	}
	return c
}

// phase is how far a session has come.
type phase struct{ tls, authenticated bool }

// hello returns the lines of the reply to EHLO after the first.
func (c *Config) hello(p phase) []string {
	set := c.Hello.Plain
	switch {
	case p.authenticated && c.Hello.Authenticated != nil:
		set = c.Hello.Authenticated
	case p.tls:
		set = c.Hello.TLS
	}
	if set != nil {
		return set
	}
	var lines []string
	for _, line := range c.Extensions {
		switch {
		case line == "SIZE":
			lines = append(lines, "SIZE "+strconv.FormatInt(max(c.MaxSize, 0), 10))
		case line == "REQUIRETLS" && !p.tls:
		default:
			lines = append(lines, line)
		}
	}
	if c.Security == STARTTLS && !p.tls {
		lines = append(lines, "STARTTLS")
	}
	if names := slices.Sorted(maps.Keys(c.Mechanisms)); len(names) > 0 && (p.tls || c.Security == Plaintext) {
		if !p.tls {
			// Channel binding needs a channel.
			names = slices.DeleteFunc(names, func(n string) bool { return strings.HasSuffix(n, "-PLUS") })
		}
		lines = append(lines, "AUTH "+strings.Join(names, " "))
	}
	return lines
}

// reply formats the lines of a reply.
func reply(code int, lines ...string) string {
	var text strings.Builder
	for i, line := range lines {
		separator := "-"
		if i == len(lines)-1 {
			separator = " "
		}
		fmt.Fprintf(&text, "%d%s%s\r\n", code, separator, line)
	}
	return text.String()
}
